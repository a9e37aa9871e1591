#!/usr/bin/env python3
"""Runs the S3 client against a live server that checks signatures and permissions: moto with IAM enforced.

    storage_live.py STORAGE_CHECK

STORAGE_CHECK is the program `storage-check`. Needs boto3 and moto[server]; the server is started here, on a free port of
the loopback interface, and ends with this script. Exit code 0 when every answer is the expected one.
"""

import base64
import hashlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import zlib

import boto3
from botocore.config import Config

KEYS = ["plain", "deep/one", "deep/two", "deep/three/four", "a b+c%20?d&e#f;'\"//é/x", "日本 語", "%25%", "../up", "a//b",
        "./x/../y", "$!*(),@:=", "empty"]
READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
                                               {"Effect": "Allow", "Action": "sts:*", "Resource": "*"}]}
failed = 0


def check(name, good, got=""):
    global failed
    failed += not good
    print("ok  " if good else "FAIL", name, "" if good else got)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """moto_server; the first calls, which make users, are not checked."""

    def __init__(self, folder):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        environment = dict(os.environ, INITIAL_NO_AUTH_ACTION_COUNT="1000000", MOTO_PORT=str(self.port))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)], env=environment,
            stdout=open(folder / "moto.log", "wb"), stderr=subprocess.STDOUT)
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{self.url}/moto-api/", timeout=5).read()
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("moto_server does not start")

    def enforce(self):
        """From now on every call is checked."""
        request = urllib.request.Request(f"{self.url}/moto-api/reset-auth", data=b"0", method="POST",
                                         headers={"Content-Type": "text/plain"})
        urllib.request.urlopen(request).read()

    def client(self, service, **keys):
        keys = keys or {"aws_access_key_id": "setup", "aws_secret_access_key": "setup"}
        return boto3.client(service, endpoint_url=self.url, region_name="us-east-1",
                            config=Config(s3={"addressing_style": "path"}), **keys)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def main():
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        server = Server(folder)
        try:
            run(program, folder, server)
        finally:
            server.stop()
    print("failed:", failed)
    return failed > 0


def run(program, folder, server):
    iam, s3, sts = server.client("iam"), server.client("s3"), server.client("sts")

    def user(name, policy):
        iam.create_user(UserName=name)
        if policy:
            iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}

    reader, nobody = user("reader", READ), user("nobody", None)
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName="role", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="role", PolicyName="p", PolicyDocument=json.dumps(READ))
    session = sts.assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    session = {"AWS_ACCESS_KEY_ID": session["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
               "AWS_SESSION_TOKEN": session["SessionToken"]}

    s3.create_bucket(Bucket="models")
    bodies = {key: b"" if key == "empty" else key.encode() for key in KEYS}
    bodies["large"] = os.urandom(50_000_001)
    for key, body in bodies.items():
        s3.put_object(Bucket="models", Key=key, Body=body)
    s3.put_object(Bucket="models", Key="sha", Body=bodies["large"], ChecksumAlgorithm="SHA256")
    for i in range(2100):
        s3.put_object(Bucket="models", Key=f"many/{i:05}", Body=b"x")
    s3.create_bucket(Bucket="versions")
    s3.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket="versions", Key="v", Body=b"first")["VersionId"]
    s3.put_object(Bucket="versions", Key="v", Body=b"second")
    s3.put_object(Bucket="versions", Key="gone", Body=b"x")
    s3.delete_object(Bucket="versions", Key="gone")
    server.enforce()

    base = {"PATH": os.environ["PATH"], "HOME": str(folder), "AWS_ENDPOINT_URL": server.url, "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true"}

    def ask(*words, keys=reader, **more):
        out = subprocess.run([program, *words], env={**base, **keys, **more}, capture_output=True, text=True, timeout=300)
        return [json.loads(line) for line in out.stdout.splitlines()]

    def error(*words, **more):
        answer = ask(*words, **more)
        return (answer[-1] if answer else {}).get("error"), (answer[-1] if answer else {}).get("message", "")

    # Objects, byte for byte, whatever their keys.
    for key, body in bodies.items():
        path = folder / "file"
        path.unlink(missing_ok=True)
        answer = ask("get", f"s3://models/{key}", str(path))
        check(f"get {key}", path.exists() and path.read_bytes() == body, answer)
    path = folder / "sha"
    check("get with a SHA-256", "seconds" in ask("get", "s3://models/sha", str(path))[-1] and path.read_bytes() == bodies["large"])
    head = ask("head", "s3://models/large")[0]
    check("head", head["size"] == len(bodies["large"]) and head["etag"] == hashlib.md5(bodies["large"]).hexdigest(), head)

    # Listings.
    listed = [entry["key"] for entry in ask("list", "s3://models/")]
    expected = sorted([*bodies, "sha", *(f"many/{i:05}" for i in range(2100))], key=lambda key: key.encode())
    check("list over three pages", listed == expected, listed[:20])
    top = ask("list", "s3://models/deep/", "--folders")
    check("list a folder", [e.get("key") or e["folder"] for e in top] == ["deep/one", "deep/two", "deep/three/"], top)

    # Versions.
    check("old version", ask("head", f"s3://versions/v?versionId={first}")[0]["size"] == 5)
    ask("get", f"s3://versions/v?versionId={first}", str(folder / "v"))
    check("old version's bytes", (folder / "v").read_bytes() == b"first")
    check("newest version", ask("head", "s3://versions/v")[0]["size"] == 6)
    check("deleted object", error("head", "s3://versions/gone")[0] == "notFound", error("head", "s3://versions/gone"))
    check("no such key", error("head", "s3://models/none")[0] == "notFound", error("head", "s3://models/none"))
    check("no such bucket", error("list", "s3://no-such-bucket/")[0] == "notFound", error("list", "s3://no-such-bucket/"))

    # Who asks.
    kind, text = error("head", "s3://models/plain", AWS_SECRET_ACCESS_KEY="wrong")
    check("wrong secret", kind == "accessDenied" and "SignatureDoesNotMatch" in text, text)
    kind, text = error("head", "s3://models/plain", AWS_ACCESS_KEY_ID="AKIAUNKNOWN")
    check("unknown key", kind == "accessDenied" and "AKIAUNKNOWN" in text, text)
    kind, text = error("get", "s3://models/plain", str(folder / "no"), keys=nobody)
    check("no permission", kind == "accessDenied" and "AccessDenied" in text, text)
    kind, text = error("head", "s3://models/plain", "--anonymous")
    check("anonymous", kind == "accessDenied", text)
    check("session", ask("head", "s3://models/plain", keys=session)[0].get("size") == 5, ask("head", "s3://models/plain", keys=session))
    kind, text = error("head", "s3://models/plain", keys={**session, "AWS_SESSION_TOKEN": "wrong"})
    check("wrong session token", kind == "accessDenied", text)
    (folder / "config").write_text(
        f"[profile app]\nrole_arn = {role}\nsource_profile = base\n[profile base]\n"
        f"aws_access_key_id = {reader['AWS_ACCESS_KEY_ID']}\naws_secret_access_key = {reader['AWS_SECRET_ACCESS_KEY']}\n")
    answer = ask("head", "s3://models/plain", keys={}, AWS_PROFILE="app", AWS_CONFIG_FILE=str(folder / "config"))
    check("assumed role", answer[0].get("size") == 5, answer)
    kind, text = error("head", "s3://models/plain", keys={})
    check("no credentials", kind == "noCredentials" and "AWS_ACCESS_KEY_ID is not set" in text, text)


if __name__ == "__main__":
    sys.exit(main())
