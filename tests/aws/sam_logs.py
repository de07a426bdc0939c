"""Which log groups `sam logs` reads, by SAM's own code, from an AWS that is played here.

    python sam_logs.py < RESOURCES

Takes a JSON object of types of resources by their names, and the log group of the functions under the name "group". Prints two lines of JSON: the
groups of `sam logs --cw-log-group GROUP`, and those of `sam logs --stack-name STACK`, or the error with which that one ends.
Needs the Python environment that .ci/sam-setup makes.
"""

import json
import sys

from botocore.exceptions import ClientError
from samcli.commands.logs.puller_factory import generate_puller
from samcli.lib.utils.cloudformation import CloudFormationResourceSummary


class Aws:
    """What the clients of Lambda, API Gateway and CloudWatch Logs answer."""

    def __init__(self, group):
        self.group = group

    def get_function_configuration(self, **_):
        return {"LoggingConfig": {"LogGroup": self.group}}

    def get_stage(self, ApiId, StageName):
        if (ApiId, StageName) in {("RestApi", "$default"), ("SocketApi", "live")}:
            return {"AccessLogSettings": {"DestinationArn": f"arn:aws:logs:eu-west-1:123456789012:log-group:access-{ApiId}"}}
        error = {"Code": "NotFoundException", "Message": "Invalid stage identifier specified"}
        raise ClientError({"Error": error}, "GetStage")

    def describe_log_streams(self, **_):
        return {}


def groups(*arguments, **more):
    try:
        pullers = generate_puller(*arguments, **more)._pullers
    except ClientError as error:
        return str(error)
    return [puller.cw_log_group for puller in pullers]


if __name__ == "__main__":
    types = json.load(sys.stdin)
    group = types.pop("group")
    aws = Aws(group)
    resources = [CloudFormationResourceSummary(kind, name, name) for name, kind in types.items()]
    print(json.dumps(groups(lambda _: aws, [], additional_cw_log_groups=[group])))
    print(json.dumps(groups(lambda _: aws, resources)))
