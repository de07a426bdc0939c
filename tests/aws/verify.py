"""Verifies webhooks with the library of Standard Webhooks for Python.

Standard input: [{"secret", "headers", "body"}, …]. Prints [true or false, …].
"""

import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


def is_good(webhook):
    try:
        Webhook(webhook["secret"]).verify(webhook["body"], webhook["headers"])
    except WebhookVerificationError:
        return False
    return True


print(json.dumps([is_good(webhook) for webhook in json.load(sys.stdin)]))
