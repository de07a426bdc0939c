"""Makes the calls of a conformance test with the AWS SDK for Python.

Standard input is {endpoint, region, key, secret, token, calls: [[operation, input], ...]}; prints what came of each, in JSON.
The handle "$" is that of the message which was received last.
"""

import json
import sys

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

order = json.load(sys.stdin)
client = boto3.client(
    "sqs",
    endpoint_url=order["endpoint"],
    region_name=order["region"],
    aws_access_key_id=order["key"],
    aws_secret_access_key=order["secret"],
    aws_session_token=order["token"],
    config=Config(retries={"total_max_attempts": 1}),
)
outcomes = []
handle = None
for operation, given in order["calls"]:
    if given.get("ReceiptHandle") == "$":
        given["ReceiptHandle"] = handle
    try:
        output = getattr(client, xform_name(operation))(**given)
        status = output.pop("ResponseMetadata")["HTTPStatusCode"]
        for message in output.get("Messages", []):
            handle = message["ReceiptHandle"]
        outcomes.append({"status": status, "output": output})
    except ClientError as error:
        response = error.response
        outcomes.append({"status": response["ResponseMetadata"]["HTTPStatusCode"], "error": response["Error"]["Code"]})
print(json.dumps(outcomes))
