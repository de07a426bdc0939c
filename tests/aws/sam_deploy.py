"""Runs `sam deploy` in a folder against an AWS that is played here, and says which actions it asked for.

    python sam_deploy.py FOLDER [options of `sam deploy`]

Prints JSON: the exit code, and each action once, as IAM names it in lower case. The stack exists already, and a change set always ends well.
Needs the Python environment that .ci/sam-setup makes.
"""

import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading
import urllib.parse

BUCKET = "aws-sam-cli-managed-default-samclisourcebucket-played"
STACK = "arn:aws:cloudformation:eu-west-1:123456789012:stack/played/1"
TIME = "2026-01-01T00:00:00Z"


def stack(name):
    output = f"<member><OutputKey>SourceBucket</OutputKey><OutputValue>{BUCKET}</OutputValue></member>"
    tags = "<member><Key>ManagedStackSource</Key><Value>AwsSamCli</Value></member>"
    return (
        f"<Stacks><member><StackName>{name}</StackName><StackId>{STACK}</StackId><CreationTime>{TIME}</CreationTime>"
        f"<StackStatus>UPDATE_COMPLETE</StackStatus><Outputs>{output}</Outputs><Tags>{tags}</Tags></member></Stacks>"
    )


def event(name):
    """The last event of the stack: an old one when SAM looks where to begin, then the end of the deployment."""
    Aws.looks += 1
    time = TIME if Aws.looks == 1 else "2099-01-01T00:00:00Z"
    return (
        f"<StackEvents><member><StackId>{STACK}</StackId><EventId>{Aws.looks}</EventId><StackName>{name}</StackName>"
        f"<LogicalResourceId>{name}</LogicalResourceId><PhysicalResourceId>{STACK}</PhysicalResourceId>"
        f"<ResourceType>AWS::CloudFormation::Stack</ResourceType><Timestamp>{time}</Timestamp>"
        f"<ResourceStatus>UPDATE_COMPLETE</ResourceStatus></member></StackEvents>"
    )


def answer(action, asked):
    name = asked.get("StackName", ["played"])[0]
    change = "<Changes><member><Type>Resource</Type><ResourceChange><Action>Modify</Action><LogicalResourceId>Send</LogicalResourceId>"
    change += "<ResourceType>AWS::Lambda::Function</ResourceType><Replacement>False</Replacement></ResourceChange></member></Changes>"
    if action == "DescribeStackEvents":
        return event(name)
    return {
        "DescribeStacks": stack(name),
        "GetTemplateSummary": "<Parameters></Parameters>",
        "CreateChangeSet": f"<Id>arn:aws:cloudformation:eu-west-1:123456789012:changeSet/played/1</Id><StackId>{STACK}</StackId>",
        "DescribeChangeSet": f"<Status>CREATE_COMPLETE</Status><ChangeSetName>played</ChangeSetName><StackId>{STACK}</StackId>{change}",
    }.get(action, "")


class Aws(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked = set()
    looks = 0

    def log_message(self, *_):
        pass

    def reply(self, status, body=""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"played"')
        self.end_headers()
        self.wfile.write(body.encode())

    def do_HEAD(self):
        self.asked.add("s3:getobject")
        self.reply(404)

    def do_PUT(self):
        self.asked.add("s3:putobject")
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while (size := int(self.rfile.readline().split(b";")[0], 16)) > 0:
                self.rfile.read(size + 2)
            self.rfile.readline()
        else:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.reply(200)

    def do_GET(self):
        self.asked.add(f"s3:get {self.path}")
        self.reply(404)

    def do_POST(self):
        asked = urllib.parse.parse_qs(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
        action = asked.get("Action", [self.path])[0]
        self.asked.add(f"cloudformation:{action.lower()}")
        body = answer(action, asked)
        self.reply(200, f"<{action}Response><{action}Result>{body}</{action}Result></{action}Response>")


def deploy(folder, options):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Aws)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sam = pathlib.Path(sys.executable).parent / "sam"
    played = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}", "AWS_ACCESS_KEY_ID": "played", "AWS_SECRET_ACCESS_KEY": "played"}
    played |= {"AWS_DEFAULT_REGION": "eu-west-1", "SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "0.1"}
    run = subprocess.run([sam, "deploy", *options], cwd=folder, env=os.environ | played, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return {"code": run.returncode, "asked": sorted(Aws.asked), "said": run.stdout[-2000:] + run.stderr[-2000:]}


if __name__ == "__main__":
    json.dump(deploy(sys.argv[1], sys.argv[2:]), sys.stdout)
