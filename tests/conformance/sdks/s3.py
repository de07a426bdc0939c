"""Uploads, copies, reads, lists and deletes objects with the AWS SDK for Python.

Standard input is {bucket}, its address; prints an empty list in JSON if all went well.
"""

import json
import sys
import urllib.error
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint, bucket = json.load(sys.stdin)["bucket"].rsplit("/", 1)
client = boto3.client(
    "s3",
    endpoint_url=endpoint,
    region_name="us-east-1",
    aws_access_key_id="local",
    aws_secret_access_key="local",
    aws_session_token="local",
    config=Config(retries={"total_max_attempts": 1}, signature_version="s3v4", s3={"addressing_style": "path"}),
)


def code(call, **arguments):
    try:
        call(Bucket=bucket, **arguments)
        return None
    except ClientError as error:
        return error.response["Error"]["Code"]


key = "sdk/a key with spaces, and ~ + ="
post = client.generate_presigned_post(
    bucket, key, Fields={"Content-Type": "image/png"}, Conditions=[{"Content-Type": "image/png"}, ["content-length-range", 5, 5]]
)
lines = []
for name, value in post["fields"].items():
    lines += ["--x", f'Content-Disposition: form-data; name="{name}"', "", value]
lines += ["--x", 'Content-Disposition: form-data; name="file"; filename="a"', "", "bytes", "--x--", ""]
request = urllib.request.Request(
    post["url"].rstrip("/") + "/", "\r\n".join(lines).encode(), {"Content-Type": "multipart/form-data; boundary=x"}
)
assert urllib.request.urlopen(request).status == 204

url = client.generate_presigned_url("get_object", {"Bucket": bucket, "Key": key, "ResponseContentDisposition": "attachment"}, 60)
answer = urllib.request.urlopen(url)
assert (answer.read(), answer.headers["content-disposition"]) == (b"bytes", "attachment")

copy = {"Key": "sdk/copy", "CopySource": {"Bucket": bucket, "Key": key}, "IfNoneMatch": "*"}
client.delete_object(Bucket=bucket, Key="sdk/copy")
assert code(client.copy_object, **copy) is None
assert code(client.copy_object, **copy) == "PreconditionFailed"
assert client.get_object(Bucket=bucket, Key="sdk/copy")["Body"].read() == b"bytes"
assert code(client.head_object, Key="sdk/none") == "404"
assert code(client.get_object, Key="sdk/none") == "NoSuchKey"

prefix = "sdk/list with spaces, and ~ + = &/"
for name in "abc":
    client.put_object(Bucket=bucket, Key=prefix + name, Body=b"")


def pages():
    listed = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, PaginationConfig={"PageSize": 2})
    return [[found["Key"] for found in page.get("Contents", [])] for page in listed]


assert pages() == [[prefix + "a", prefix + "b"], [prefix + "c"]], pages()
for name in "abc":
    client.delete_object(Bucket=bucket, Key=prefix + name)
assert pages() == [[]], pages()
print("[]")
