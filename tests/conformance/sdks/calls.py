"""Makes the calls of a conformance test with the AWS SDK for Python.

Standard input is {endpoint, region, key, secret, token, calls: [[operation, id, data], ...]}; prints what came of each, in JSON.
"""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

order = json.load(sys.stdin)
client = boto3.client(
    "apigatewaymanagementapi",
    endpoint_url=order["endpoint"],
    region_name=order["region"],
    aws_access_key_id=order["key"],
    aws_secret_access_key=order["secret"],
    aws_session_token=order["token"],
    config=Config(retries={"total_max_attempts": 1}),
)
commands = {
    "post": lambda id, data: client.post_to_connection(ConnectionId=id, Data=data.encode()),
    "get": lambda id, _: client.get_connection(ConnectionId=id),
    "delete": lambda id, _: client.delete_connection(ConnectionId=id),
}
outcomes = []
for operation, id, data in order["calls"]:
    try:
        output = commands[operation](id, data)
        connected_at = output.get("ConnectedAt")
        outcomes.append(
            {
                "status": output["ResponseMetadata"]["HTTPStatusCode"],
                "connectedAt": connected_at and round(connected_at.timestamp() * 1000),
                "sourceIp": output.get("Identity", {}).get("SourceIp"),
            }
        )
    except ClientError as error:
        response = error.response
        outcomes.append({"status": response["ResponseMetadata"]["HTTPStatusCode"], "error": response["Error"]["Code"]})
print(json.dumps(outcomes))
