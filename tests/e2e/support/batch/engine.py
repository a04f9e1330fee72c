"""AWS Batch, as far as the script of a run needs it: three requests of its API, whose jobs are
run at once, each in turn.

    engine.py LOG PROGRAM BIN SCRIPT

runs SCRIPT with AWS_ENDPOINT_URL_BATCH and the programs in BIN before all others, ends with its
status, and leaves in LOG what was registered and which jobs were run, as JSON. PROGRAM is the entry
point of the image. What the service would refuse and the model of its API permits, is refused here.
"""

import fnmatch
import http.server
import json
import os
import re
import subprocess
import sys
import tempfile
import threading

LOG, PROGRAM, BIN, SCRIPT = sys.argv[1:]
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")

definitions = {}
jobs = []


class Refused(Exception):
    """A ClientException of the service."""


def must(is_so, what):
    if not is_so:
        raise Refused(what)


def register(request):
    must(NAME.fullmatch(request["jobDefinitionName"]), "jobDefinitionName")
    must(request["type"] == "container", "type")
    must(request["platformCapabilities"] == ["EC2"], "platformCapabilities")
    retries = request["retryStrategy"]
    must(1 <= retries["attempts"] <= 10, "attempts")
    must(len(retries["evaluateOnExit"]) <= 5, "evaluateOnExit")
    for rule in retries["evaluateOnExit"]:
        must(re.fullmatch(r"[0-9]+\*?|\*", rule["onExitCode"]), "onExitCode")
        must(rule["action"].upper() in ("RETRY", "EXIT"), "action")
    container = request["containerProperties"]
    must(container["image"], "image")
    needs = {it["type"]: float(it["value"]) for it in container["resourceRequirements"]}
    must(needs["VCPU"] >= 1 and needs["MEMORY"] >= 4, "resourceRequirements")
    for variable in container.get("environment", []):
        must(not variable["name"].startswith("AWS_BATCH"), "environment")
    volumes = {volume["name"] for volume in container["volumes"]}
    must(all(NAME.fullmatch(name) for name in volumes), "volumes")
    must(all(it["sourceVolume"] in volumes for it in container["mountPoints"]), "mountPoints")
    must(all(container["command"]), "a word of the command is empty")
    definitions[request["jobDefinitionName"]] = request
    arn = "arn:aws:batch:us-east-1:1:job-definition/%s:1" % request["jobDefinitionName"]
    return {"jobDefinitionName": request["jobDefinitionName"], "jobDefinitionArn": arn, "revision": 1}


def submit(request):
    must(NAME.fullmatch(request["jobName"]), "jobName")
    must(request["jobQueue"], "jobQueue")
    must(request["jobDefinition"] in definitions, "jobDefinition")
    definition = definitions[request["jobDefinition"]]
    command = request["containerOverrides"]["command"]
    must(all(command), "a word of the command is empty")
    size = request.get("arrayProperties", {}).get("size")
    must(size is None or 2 <= size <= 10_000, "Array size must be between 2 and 10,000")
    tasks = [None] if size is None else reversed(range(size))
    exits = {str(task): run(definition, command, task) for task in tasks}
    is_done = all(task[-1] == 0 for task in exits.values())
    job = {
        "jobId": "job-%d" % len(jobs),
        "jobName": request["jobName"],
        "jobQueue": request["jobQueue"],
        "status": "SUCCEEDED" if is_done else "FAILED",
        "exits": exits,
    }
    jobs.append(job)
    return {"jobId": job["jobId"], "jobName": job["jobName"]}


def run(definition, command, task):
    """The exit status of each attempt at a task."""
    container = definition["containerProperties"]
    environment = dict(os.environ)
    for variable in container.get("environment", []):
        # The container has a /tmp of its own.
        environment[variable["name"]] = variable["value"].replace("/tmp", TEMPORARY)
    if task is not None:
        environment["AWS_BATCH_JOB_ARRAY_INDEX"] = str(task)
    retries = definition["retryStrategy"]
    exits = []
    while not exits or (exits[-1] != 0 and len(exits) < retries["attempts"]):
        done = subprocess.run([PROGRAM, *command], env=environment, stdout=sys.stderr)
        exits.append(done.returncode)
        for rule in retries["evaluateOnExit"]:
            if fnmatch.fnmatchcase(str(done.returncode), rule["onExitCode"]):
                if rule["action"].upper() == "EXIT":
                    return exits
                break
        # What no rule matches is tried again.
    return exits


def describe(request):
    return {"jobs": [job for job in jobs if job["jobId"] in request["jobs"]]}


class Api(http.server.BaseHTTPRequestHandler):
    PATHS = {
        "/v1/registerjobdefinition": register,
        "/v1/submitjob": submit,
        "/v1/describejobs": describe,
    }

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            status, answer = 200, self.PATHS[self.path](request)
        except (Refused, KeyError) as wrong:
            status, answer = 400, {"message": "refused: %s" % wrong}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if status == 400:
            self.send_header("x-amzn-ErrorType", "ClientException")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


with tempfile.TemporaryDirectory() as TEMPORARY:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    # Whoever starts Python may have put other programs before those of BIN.
    path = "%s:%s" % (BIN, os.environ["PATH"])
    endpoint = "http://127.0.0.1:%d" % server.server_port
    environment = {**os.environ, "PATH": path, "AWS_ENDPOINT_URL_BATCH": endpoint}
    script = subprocess.run(["sh", SCRIPT], env=environment)
    with open(LOG, "w") as log:
        json.dump({"definitions": list(definitions.values()), "jobs": jobs}, log)
sys.exit(script.returncode)
