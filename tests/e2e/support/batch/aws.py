#!/usr/bin/env python3
"""The three commands of the aws command line that the script of a run uses, without what that
checks; for machines that do not have it."""

import json
import os
import sys
import urllib.error
import urllib.request

assert sys.argv[1] == "batch", sys.argv
command, *words = sys.argv[2:]
options = dict(zip(words[::2], words[1::2]))
if command == "register-job-definition":
    request = json.loads(options["--cli-input-json"])
elif command == "submit-job":
    request = {
        "jobName": options["--job-name"],
        "jobQueue": options["--job-queue"],
        "jobDefinition": options["--job-definition"],
        "containerOverrides": json.loads(options["--container-overrides"]),
    }
    if "--array-properties" in options:
        size = options["--array-properties"].removeprefix("size=")
        request["arrayProperties"] = {"size": int(size)}
else:
    assert command == "describe-jobs", command
    request = {"jobs": [options["--jobs"]]}
url = "%s/v1/%s" % (os.environ["AWS_ENDPOINT_URL_BATCH"], command.replace("-", ""))
try:
    with urllib.request.urlopen(url, json.dumps(request).encode()) as answer:
        answer = json.load(answer)
except urllib.error.HTTPError as wrong:
    sys.exit("An error occurred (ClientException): %s" % json.load(wrong)["message"])
queries = {
    "jobDefinitionArn": lambda: answer["jobDefinitionArn"],
    "jobId": lambda: answer["jobId"],
    "jobs[0].status": lambda: answer["jobs"][0]["status"] if answer["jobs"] else "None",
}
assert options["--output"] == "text"
print(queries[options["--query"]]())
