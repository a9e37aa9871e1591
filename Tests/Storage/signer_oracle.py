#!/usr/bin/env python3
"""Compares the signatures of the S3 client with botocore's, over random requests.

    signer_oracle.py STORAGE_CHECK [COUNT] [SEED]

STORAGE_CHECK is the program `storage-check`. Needs botocore. Exit code 0 when all signatures are the same.
"""

import datetime
import json
import random
import subprocess
import sys
import urllib.parse

import botocore.auth
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

PIECES = ["a", "Z", "0", "-", ".", "_", "~", "/", "//", " ", "  ", "+", "%", "%20", "%2F", "?", "&", "=", "#", ";", ":", "@",
          "!", "$", "'", "(", ")", "*", ",", "[", "]", "{", "}", "|", "\\", "^", "`", '"', "<", ">", "é", "日本", "😀",
          "..", "./", "\u00a0", "e\u0301"]
REGIONS = ["us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1", "local"]
HOSTS = ["s3.amazonaws.com", "bucket.s3.eu-central-1.amazonaws.com", "127.0.0.1:9000", "localhost:443", "[::1]:8080",
         "minio.example:80"]


def text(choose, least, most):
    return "".join(choose.choice(PIECES) for _ in range(choose.randint(least, most)))


def request(choose):
    host = choose.choice(HOSTS)
    scheme = choose.choice(["http", "https"])
    # The default port is no part of the Host header.
    if host.endswith({"http": ":80", "https": ":443"}[scheme]):
        host = host.rsplit(":", 1)[0]
    headers = [("host", host)]
    if choose.random() < 0.5:
        headers.append(("Range", f"bytes={choose.randint(0, 9)}-{choose.randint(10, 99)}"))
    if choose.random() < 0.5:
        headers.append(("If-Match", f'"{text(choose, 1, 4)}"'.encode("ascii", "ignore").decode().replace("\\", "")))
    if choose.random() < 0.3:
        headers.append(("x-amz-meta-blanks", "  a   b \t c  "))
    if choose.random() < 0.3:
        headers.append(("User-Agent", "agent/1"))
    if choose.random() < 0.3:
        headers.append(("X-Amz-Checksum-Mode", "ENABLED"))
    names = [text(choose, 1, 3) for _ in range(choose.randint(0, 4))]
    return {
        "scheme": scheme, "method": choose.choice(["GET", "HEAD", "PUT", "DELETE", "POST"]),
        "path": "/" + text(choose, 0, 12), "query": [(name, text(choose, 0, 4)) for name in dict.fromkeys(names)],
        "headers": headers, "access": choose.choice(["AKIDEXAMPLE", "test:tester"]), "secret": text(choose, 1, 8) + "K",
        "token": choose.choice([None, "FwoGZXIvYXdzE//abc+def=="]), "region": choose.choice(REGIONS),
        "date": choose.randint(0, 4_000_000_000),
    }


def botocores(item):
    when = datetime.datetime.fromtimestamp(item["date"], datetime.timezone.utc).replace(tzinfo=None)
    for name in ("get_current_datetime",):
        if hasattr(botocore.auth, name):
            setattr(botocore.auth, name, lambda *a, **k: when)
    host = dict(item["headers"])["host"]
    path = urllib.parse.quote(item["path"], safe="/-_.~")
    query = urllib.parse.urlencode(item["query"], quote_via=urllib.parse.quote, safe="-_.~")
    sent = AWSRequest(item["method"], f"{item['scheme']}://{host}{path}" + (f"?{query}" if query else ""))
    for name, value in item["headers"]:
        if name != "host":
            sent.headers[name] = value
    sent.context["payload_signing_enabled"] = True
    S3SigV4Auth(Credentials(item["access"], item["secret"], item["token"]), "s3", item["region"]).add_auth(sent)
    return sent.headers["Authorization"]


def main():
    program, count, seed = sys.argv[1], int((sys.argv[2:] + [5000])[0]), int((sys.argv[3:] + [1])[0])
    choose = random.Random(seed)
    items = [request(choose) for _ in range(count)]
    lines = "".join(json.dumps({key: value for key, value in item.items() if value is not None}) + "\n" for item in items)
    answer = subprocess.run([program, "sign"], input=lines, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(answer) == count, f"{len(answer)} answers for {count} requests"
    wrong = 0
    for item, line in zip(items, answer):
        ours, theirs = json.loads(line)["authorization"], botocores(item)
        if ours != theirs:
            wrong += 1
            if wrong <= 5:
                print("differs:", json.dumps(item, ensure_ascii=False), "", ours, theirs, sep="\n  ")
    print(f"{count} requests, {wrong} signatures differ")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
