"""Several models and new generations of one: the management API, SageMaker's multi-model contract, fleets below a store."""

import hashlib
import http.client
import io
import json
import os
import pathlib
import re
import shutil
import tarfile
import tempfile
import threading
import time
import unittest
import urllib.parse
import zipfile

import boto3
import numpy
from botocore.config import Config
from onnx import TensorProto, helper

import server as kit
from server import Server, error_of

FRONTS = ["direct"] + (["nginx"] if kit.HAS_NGINX else [])
FRONT = FRONTS[-1]
ROW = b"1,2\n"
TARGET = "X-Amzn-SageMaker-Target-Model"


def model(number, size=0, name="x", inputs=2, kind=TensorProto.FLOAT):
    """A model that answers `number`: the first entry of a table of about `size` bytes of which it reads one row."""
    table = numpy.random.default_rng(number).standard_normal((1 + size // 4, 1), dtype=numpy.float32)
    table[0] = number

    def tensor(title, array):
        return helper.make_tensor(title, TensorProto.FLOAT, array.shape, array.tobytes(), raw=True)

    nodes = [helper.make_node("Cast", [name], ["in"], to=TensorProto.FLOAT),
             helper.make_node("ReduceMax", ["in"], ["most"], axes=[1], keepdims=0),
             helper.make_node("Mul", ["most", "zero"], ["nought"]),
             helper.make_node("Cast", ["nought"], ["index"], to=TensorProto.INT64),
             helper.make_node("Gather", ["table", "index"], ["y"])]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info(name, kind, ["n", inputs])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 1])],
        [tensor("zero", numpy.zeros((), numpy.float32)), tensor("table", table)])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def wide(number, hidden):
    """A model whose calls need much more memory than its file has bytes."""
    def tensor(title, array):
        return helper.make_tensor(title, TensorProto.FLOAT, array.shape, array.tobytes(), raw=True)

    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w1"], ["a"]), helper.make_node("Relu", ["a"], ["b"]),
         helper.make_node("Gemm", ["b", "w2", "bias"], ["y"])],
        "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 1])],
        [tensor("w1", numpy.full((2, hidden), number, numpy.float32)), tensor("w2", numpy.zeros((hidden, 1), numpy.float32)),
         tensor("bias", numpy.array([number], numpy.float32))])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def heavy(number, width=768, layers=6):
    """A model whose call takes long beside what handing it on to another worker takes."""
    def tensor(title, array):
        return helper.make_tensor(title, TensorProto.FLOAT, array.shape, array.tobytes(), raw=True)

    weights = [tensor("w0", numpy.zeros((2, width), numpy.float32))]
    weights += [tensor(f"w{i}", numpy.zeros((width, width), numpy.float32)) for i in range(1, layers)]
    weights += [tensor("last", numpy.zeros((width, 1), numpy.float32)), tensor("bias", numpy.array([number], numpy.float32))]
    nodes, at = [], "x"
    for i in range(layers):
        nodes += [helper.make_node("MatMul", [at, f"w{i}"], [f"m{i}"]), helper.make_node("Exp", [f"m{i}"], [f"e{i}"])]
        at = f"e{i}"
    nodes.append(helper.make_node("Gemm", [at, "last", "bias"], ["y"]))
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 1])], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def archive(number, size=0, name="model.onnx"):
    """The same as `model.tar.gz`."""
    data, out = model(number, size), io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=1) as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def zipped(number):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("model.onnx", model(number))
    return out.getvalue()


class Folder(unittest.TestCase):
    """A test with a folder of its own for models and the cache."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="swm"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.store = self.folder / "store"
        self.store.mkdir()

    def put(self, name, data):
        """Writes a file below the store, as one step."""
        path = self.store / name
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial")
        partial.write_bytes(data)
        partial.replace(path)
        return path

    def single(self, model, *flags, front=FRONT, settle=True, **more):
        server = Server("--cache-dir", str(self.folder / "cache"), *flags, model=str(model), front=front, **more)
        # A model of this machine is copied in the background, so that there is a way back to it.
        if settle and more.get("ready", True):
            kit.wait_until(lambda: json.loads(server.get("/models/model")[2]).get("digest"), 3)
        return server

    def fleet(self, *flags, front=FRONT, **more):
        return Server("--models", str(self.store), "--cache-dir", str(self.folder / "cache"), *flags, model=None,
                      front=front, **more)

    def number(self, server, name=None, path="/invocations", headers=()):
        """What the answer says, or the status and the code of the error."""
        named = {TARGET: name} if name is not None else {}
        status, _, body = server.request(
            "POST", path, ROW, {"Content-Type": "text/csv", "Accept": "text/csv", **named, **dict(headers)})
        return int(float(body)) if status == 200 else (status, error_of(body)["code"])

    def ask(self, server, method, path, body=None, status=200, **headers):
        if isinstance(body, dict):
            body = json.dumps(body)
        got, fields, text = server.request(method, path, body, headers)
        self.assertEqual(got, status, f"{method} {path}: {text[:500]}")
        self.assertTrue(fields["Content-Type"].startswith("application/json"))
        answer = json.loads(text)
        if status >= 400:
            self.assertTrue(answer["error"]["message"])
            return answer["error"]
        return answer

    def loaded(self, server):
        return sorted(entry["modelName"] for entry in self.ask(server, "GET", "/models")["models"])


def metrics(server, **headers):
    """The samples of /metrics, by name and labels. Every line must be what Prometheus reads."""
    status, fields, body = server.request("GET", "/metrics", headers=headers)
    if status != 200:
        raise AssertionError(f"/metrics: {status} {body[:300]}")
    if not fields["Content-Type"].startswith("text/plain; version=0.0.4"):
        raise AssertionError(fields["Content-Type"])
    label = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
    sample = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(" + label + "(?:," + label + r")*)\})? (\S+)")
    found, types = {}, {}
    text = body.decode()
    if not text.endswith("\n"):
        raise AssertionError("no line end at the end")
    for line in text.split("\n")[:-1]:
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            if name in types or kind not in ("counter", "gauge", "summary", "histogram", "untyped"):
                raise AssertionError(line)
            types[name] = kind
        elif not re.fullmatch(r"# HELP [a-zA-Z_:][a-zA-Z0-9_:]* .*", line):
            match = sample.fullmatch(line)
            family = re.sub("_(sum|count|bucket)$", "", match[1]) if match else None
            if not match or (match[1] not in types and types.get(family) not in ("summary", "histogram")):
                raise AssertionError(f"not Prometheus' text: {line!r}")
            key = (match[1], tuple(re.findall(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"', match[2] or "")))
            if key in found:
                raise AssertionError(f"twice: {line!r}")
            found[key] = float(match[3])
    return found


def total(found, name, **labels):
    return sum(v for (n, l), v in found.items() if n == name and labels.items() <= dict(l).items())


class Generations(Folder):
    """One model and what its store holds next."""

    def refresh(self, server, result, status=200):
        answer = self.ask(server, "POST", "/models/model/refresh", status=status)
        if status == 200:
            self.assertEqual(answer["result"], result)
        else:
            self.assertEqual(answer["code"], result)
        return answer

    def test_refresh_and_rollback(self):
        for front in FRONTS:
            with self.subTest(front):
                path = self.put(f"{front}.onnx", model(1))
                with self.single(path, front=front) as server:
                    self.assertEqual(self.number(server), 1)
                    self.refresh(server, "unchanged")
                    self.put(path.name, model(2))
                    answer = self.refresh(server, "committed")
                    self.assertEqual(answer["digest"], hashlib.sha256(model(2)).hexdigest())
                    self.assertEqual([self.number(server) for _ in range(6)], [2] * 6)
                    state = self.ask(server, "GET", "/models/model")
                    self.assertEqual((state["state"], len(state["previousVersions"])), ("loaded", 1))
                    self.assertEqual(state["lastRefresh"]["result"], "committed")
                    answer = self.ask(server, "POST", "/models/model/rollback")
                    self.assertEqual((answer["result"], self.number(server)), ("rolled_back", 1))
                    self.assertTrue(self.ask(server, "GET", "/models/model")["pinnedByRollback"])
                    # There is nothing before it.
                    self.ask(server, "POST", "/models/model/rollback", status=409)
                    ping = json.loads(server.get("/ping")[2])
                    self.assertEqual(ping["model"]["lastRefresh"]["result"], "rolled_back")
                    self.refresh(server, "committed")
                    self.assertEqual(self.number(server), 2)
                    self.assertFalse(self.ask(server, "GET", "/models/model")["pinnedByRollback"])
                    answer = self.ask(
                        server, "POST", "/models/model/rollback?version=" + hashlib.sha256(model(1)).hexdigest()[:12])
                    self.assertEqual(self.number(server), 1)
                    self.ask(server, "POST", "/models/model/rollback?version=nothing", status=409)
                    found = metrics(server)
                    for result, count in [("committed", 2), ("unchanged", 1), ("rolled_back", 2), ("failed", 0)]:
                        self.assertEqual(total(found, "swiftlet_refresh_total", result=result), count, result)

    def test_a_refresh_right_after_the_start(self):
        """What is read in the background since the start is none of the refresh's business."""
        for front in FRONTS:
            for turn in range(4):
                path = self.put(f"{front}.onnx", model(1, 3_000_000))
                with self.subTest(front=front, turn=turn), self.single(path, front=front, settle=False) as server:
                    if turn:
                        self.put(path.name, model(turn + 1, 3_000_000))
                    # What replaced the file while the server started may have been taken by itself already.
                    answer = self.ask(server, "POST", "/models/model/refresh")
                    self.assertIn(answer["result"], ("committed", "unchanged") if turn else ("unchanged",))
                    self.assertEqual(self.number(server), turn + 1)

    def test_polling_takes_what_is_new_and_keeps_a_rollback(self):
        path = self.put("model.onnx", model(1))
        with self.single(path, "--refresh-interval", "1s") as server:
            self.put("model.onnx", model(2))
            self.assertTrue(kit.wait_until(lambda: self.number(server) == 2, 5), server.log)
            self.assertEqual(self.ask(server, "POST", "/models/model/rollback")["result"], "rolled_back")
            time.sleep(2.5)
            self.assertEqual(self.number(server), 1)
            self.refresh(server, "committed")
            self.assertEqual(self.number(server), 2)
            # From here on polling goes on.
            self.put("model.onnx", model(3))
            self.assertTrue(kit.wait_until(lambda: self.number(server) == 3, 5), server.log)

    def test_a_restart_keeps_the_rollback(self):
        for name, make in [("model.tar.gz", archive), ("model.onnx", model)]:
            with self.subTest(name):
                path = self.put(name, make(1))
                with self.single(path) as server:
                    self.put(name, make(2))
                    self.refresh(server, "committed")
                    self.ask(server, "POST", "/models/model/rollback")
                    self.assertEqual(self.number(server), 1)
                with self.single(path, "--refresh-interval", "1s") as server:
                    self.assertEqual(self.number(server), 1)
                    self.assertTrue(self.ask(server, "GET", "/models/model")["pinnedByRollback"])
                    time.sleep(1.3)
                    self.assertEqual(self.number(server), 1)
                    self.refresh(server, "committed")
                    self.assertEqual(self.number(server), 2)
                with self.single(path) as server:
                    self.assertEqual(self.number(server), 2)

    def test_a_changed_signature_is_refused(self):
        path = self.put("model.onnx", model(1))
        for flags, refused in [((), True), (("--allow-signature-change",), False)]:
            for changed in [model(2, name="z"), model(2, inputs=3), model(2, kind=TensorProto.DOUBLE)]:
                with self.subTest(flags=flags), self.single(path, *flags) as server:
                    self.put("model.onnx", changed)
                    if refused:
                        error = self.refresh(server, "model_load_failed", 424)
                        self.assertEqual(error["setting"], "allow-signature-change")
                        self.assertEqual(self.number(server), 1)
                        self.assertEqual(json.loads(server.get("/ping")[2])["model"]["lastRefresh"]["result"], "failed")
                        self.put("model.onnx", model(3))
                        self.refresh(server, "committed")
                        self.assertEqual(self.number(server), 3)
                    else:
                        self.refresh(server, "committed")
                    self.put("model.onnx", model(1))

    def test_a_broken_generation_is_refused(self):
        path = self.put("model.onnx", model(1))
        with self.single(path) as server:
            for data in [b"no model", b"", model(2)[:-40]]:
                self.put("model.onnx", data)
                self.refresh(server, "model_load_failed", 424)
                self.assertEqual(self.number(server), 1)
            path.unlink()
            self.refresh(server, "model_load_failed", 424)
            self.assertEqual(self.number(server), 1)
            self.put("model.onnx", model(4))
            self.refresh(server, "committed")
            self.assertEqual(self.number(server), 4)

    def test_refreshes_under_load_lose_nothing(self):
        path = self.put("model.onnx", model(1))
        with self.single(path) as server:
            wrong, stop = [], threading.Event()

            def call():
                connection = server.connect()
                while not stop.is_set():
                    connection.request("POST", "/invocations", ROW, {"Content-Type": "text/csv", "Accept": "text/csv"})
                    response = connection.getresponse()
                    body = response.read()
                    if response.status != 200:
                        wrong.append((response.status, body))

            threads = [threading.Thread(target=call) for _ in range(4)]
            for thread in threads:
                thread.start()
            for number in range(2, 8):
                self.put("model.onnx", model(number))
                self.refresh(server, "committed")
                self.assertEqual([self.number(server) for _ in range(4)], [number] * 4)
            stop.set()
            for thread in threads:
                thread.join()
            self.assertEqual(wrong, [])

    def test_sha256(self):
        path = self.put("model.onnx", model(1))
        digest = hashlib.sha256(model(1)).hexdigest()
        with self.single(path, "--sha256", digest) as server:
            self.assertEqual(self.number(server), 1)
            # Another one is not taken; the right one is kept.
            self.put("model.onnx", model(2))
            server.request("POST", "/models/model/refresh")
            self.assertEqual(self.number(server), 1)
        shutil.rmtree(self.folder / "cache", ignore_errors=True)
        with self.single(path, "--sha256", digest, ready=False) as server:
            self.assertEqual(server.process.wait(20), 65)
            self.assertIn(digest, server.log)

    def test_versions(self):
        for number in (1, 2, 10):
            self.put(f"m/{number}/model.onnx", model(number))
        self.put("m/notes/readme.txt", b"no version")
        for front in FRONTS:
            with self.subTest(front), self.single(self.store / "m", front=front) as server:
                self.assertEqual(self.number(server), 10)
                self.assertEqual(self.ask(server, "GET", "/models/model")["version"], "10")
                if front == FRONT:
                    # Until then the one that serves is being copied.
                    time.sleep(0.3)
                    self.put("m/11/model.onnx", model(11))
                    self.assertEqual(self.refresh(server, "committed")["version"], "11")
                    self.assertEqual(self.number(server), 11)
                    self.ask(server, "POST", "/models/model/rollback?version=10")
                    self.assertEqual(self.number(server), 10)
            shutil.rmtree(self.folder / "cache")
        with self.single(self.store / "m", "--model-version", "2") as server:
            self.assertEqual(self.number(server), 2)
        with self.single(self.store / "m", "--model-version", "7", ready=False) as server:
            self.assertEqual(server.process.wait(20), 66)
            self.assertIn("7", server.log)

    def test_archives(self):
        for name, make in [("model.tar.gz", archive), ("model.tgz", archive), ("model.zip", zipped)]:
            with self.subTest(name):
                path = self.put(name, make(1))
                with self.single(path) as server:
                    self.assertEqual(self.number(server), 1)
                    self.put(name, make(2))
                    self.refresh(server, "committed")
                    self.assertEqual(self.number(server), 2)
                    self.put(name, make(3)[:-30])
                    self.refresh(server, "model_load_failed", 424)
                    self.assertEqual(self.number(server), 2)


class SageMakerMultiModel(Folder):
    """https://docs.aws.amazon.com/sagemaker/latest/dg/mms-container-apis.html"""

    def server(self, *flags, front=FRONT, **more):
        return Server(*flags, model=None, front=front,
                      env={"SAGEMAKER_MULTI_MODEL": "true", "SAGEMAKER_BASE_DIR": str(self.folder)}, **more)

    def place(self, number, size=0):
        path = self.folder / "models" / hashlib.sha256(str(number).encode()).hexdigest()[:32] / "model"
        path.mkdir(parents=True, exist_ok=True)
        (path / "model.onnx").write_bytes(model(number, size))
        return str(path)

    def test_the_contract(self):
        for front in FRONTS:
            with self.subTest(front), self.server(front=front) as server:
                self.assertEqual(self.ask(server, "GET", "/models"), {"models": []})
                urls = {}
                for number in range(1, 6):
                    urls[f"model-{number}"] = url = self.place(number)
                    self.ask(server, "POST", "/models", {"model_name": f"model-{number}", "url": url},
                             **{"Content-Type": "application/json"})
                error = self.ask(server, "POST", "/models", {"model_name": "model-1", "url": urls["model-1"]}, 409)
                self.assertEqual(error["code"], "conflict")
                # All of them, in pages, each once.
                for limit in (1, 2, 4, 5, 100):
                    seen, token, pages = [], None, 0
                    while True:
                        query = f"?limit={limit}" + (f"&next_page_token={urllib.parse.quote(token)}" if token else "")
                        page = self.ask(server, "GET", "/models" + query)
                        self.assertLessEqual(len(page["models"]), limit)
                        seen += [(entry["modelName"], entry["modelUrl"]) for entry in page["models"]]
                        token, pages = page.get("nextPageToken"), pages + 1
                        if not token:
                            break
                    self.assertEqual((sorted(seen), pages), (sorted(urls.items()), -(-5 // limit)))
                for query in ("limit=0", "limit=x", "limit=-1", "next_page_token=zzz"):
                    self.ask(server, "GET", "/models?" + query, status=400)
                one = self.ask(server, "GET", "/models/model-3")
                self.assertEqual((one["modelName"], one["modelUrl"]), ("model-3", urls["model-3"]))
                self.ask(server, "GET", "/models/model-9", status=404)
                for number in range(1, 6):
                    self.assertEqual(self.number(server, path=f"/models/model-{number}/invoke"), number)
                self.assertEqual(self.number(server, path="/models/model-9/invoke"), (404, "not_found"))
                self.assertEqual(self.number(server, "model-2"), 2)
                self.assertEqual(self.number(server), (400, "bad_request"))
                self.ask(server, "DELETE", "/models/model-3")
                self.ask(server, "DELETE", "/models/model-3", status=404)
                self.ask(server, "GET", "/models/model-3", status=404)
                self.assertEqual(self.number(server, path="/models/model-3/invoke"), (404, "not_found"))
                self.assertEqual(self.loaded(server), [f"model-{n}" for n in (1, 2, 4, 5)])
                self.ask(server, "POST", "/models", {"model_name": "model-3", "url": urls["model-3"]})
                self.assertEqual(self.number(server, path="/models/model-3/invoke"), 3)
                # What cannot be loaded is not there afterwards.
                (self.folder / "models/bad/model").mkdir(parents=True, exist_ok=True)
                (self.folder / "models/bad/model/model.onnx").write_bytes(b"no model")
                bad = {"model_name": "bad", "url": str(self.folder / "models/bad/model")}
                for _ in range(2):
                    self.assertEqual(self.ask(server, "POST", "/models", bad, 424)["code"], "model_load_failed")
                self.ask(server, "GET", "/models/bad", status=404)
                missing = {"model_name": "missing", "url": str(self.folder / "models/none/model")}
                self.ask(server, "POST", "/models", missing, 404)
                self.ask(server, "DELETE", "/models/missing", status=404)
                self.assertNotIn("bad", self.loaded(server))
                self.assertEqual(len(server.workers), 2 if front == "nginx" else 0)

    def test_names_of_all_kinds(self):
        with self.server() as server:
            for number, name in enumerate(["a.b_c", "déjà vu", "sub/dir/m", "100%", "a+b", "q?x=1", "#"], 1):
                with self.subTest(name):
                    self.ask(server, "POST", "/models", {"model_name": name, "url": self.place(number)})
                    # In a path a name is one segment, so that its slashes are escaped, too.
                    path = "/models/" + urllib.parse.quote(name, safe="")
                    self.assertEqual(self.number(server, path=path + "/invoke"), number)
                    self.assertEqual(self.ask(server, "GET", path)["modelName"], name)
                    self.assertEqual(self.number(server, urllib.parse.quote(name)), number)
                    self.ask(server, "DELETE", path)
            for name in ["", "..", "a/../b", "/a", "a/", "a//b", "a\n", "a\\b", "x" * 1000]:
                with self.subTest(name):
                    self.ask(server, "POST", "/models", {"model_name": name, "url": self.place(1)}, 400)

    def test_deleting_frees_memory(self):
        with self.server(workers=1) as server:
            def held():
                return total(metrics(server), "swiftlet_worker_memory_bytes")
            body = {"model_name": "large", "url": self.place(1, 40_000_000)}
            self.ask(server, "POST", "/models", {"model_name": "small", "url": self.place(2)})
            self.assertEqual(self.number(server, "small"), 2)
            before = held()
            for _ in range(2):
                self.ask(server, "POST", "/models", body)
                self.assertEqual(self.number(server, "large"), 1)
                counted = total(metrics(server), "swiftlet_model_memory_bytes", model="large")
                self.assertGreaterEqual(counted, 39_000_000)
                answer = self.ask(server, "DELETE", "/models/large")
                self.assertEqual(answer["modelName"], "large")
                self.assertEqual(total(metrics(server), "swiftlet_model_memory_bytes", model="large"), 0)
                self.assertLess(held() - before, 8_000_000)

    def test_no_memory_is_507_and_evicts_nothing(self):
        size = 400_000
        with self.server("--memory-budget", "1500KB", workers=1) as server:
            codes = []
            for number in range(1, 6):
                status, _, _ = server.request(
                    "POST", "/models", json.dumps({"model_name": f"m{number}", "url": self.place(number, size)}))
                codes.append(status)
            count = codes.count(200)
            self.assertEqual(codes, [200] * count + [507] * (5 - count))
            self.assertIn(count, (1, 2, 3))
            self.assertEqual(self.loaded(server), [f"m{n}" for n in range(1, count + 1)])
            for number in range(1, count + 1):
                self.assertEqual(self.number(server, path=f"/models/m{number}/invoke"), number)
            self.assertEqual(total(metrics(server), "swiftlet_model_evictions_total"), 0)
            # There is room again after a model is gone.
            self.ask(server, "DELETE", "/models/m1")
            self.ask(server, "POST", "/models", {"model_name": "m9", "url": self.place(9, size)})
            self.assertEqual(self.number(server, path="/models/m9/invoke"), 9)

    def test_the_budget_is_one_for_all_workers(self):
        if FRONT != "nginx":
            self.skipTest("one process")
        with self.server("--memory-budget", "4MB", workers=2) as server:
            codes = []
            for number in range(1, 14):
                status, _, _ = server.request(
                    "POST", "/models", json.dumps({"model_name": f"m{number}", "url": self.place(number, 400_000)}))
                codes.append(status)
            self.assertLessEqual(set(codes), {200, 507})
            self.assertIn(507, codes)
            self.assertLessEqual(total(metrics(server), "swiftlet_model_memory_bytes"), 4_000_000)
            for number, code in enumerate(codes, 1):
                self.assertEqual(self.number(server, path=f"/models/m{number}/invoke"),
                                 number if code == 200 else (404, "not_found"))

    def test_a_worker_that_dies_has_its_models_again(self):
        if FRONT != "nginx":
            self.skipTest("one process")
        with self.server() as server:
            for number in range(1, 7):
                self.ask(server, "POST", "/models", {"model_name": f"m{number}", "url": self.place(number)})
            os.kill(server.workers[0], 9)

            def all_answer():
                return all(self.number(server, path=f"/models/m{n}/invoke") == n for n in range(1, 7))
            self.assertTrue(kit.wait_until(all_answer, 10), server.log)
            self.assertEqual(len(self.loaded(server)), 6)

    def test_deleting_while_it_loads(self):
        with self.server(workers=1) as server:
            answers = []
            body = json.dumps({"model_name": "large", "url": self.place(1, 60_000_000)})
            thread = threading.Thread(target=lambda: answers.append(server.request("POST", "/models", body)[0]))
            thread.start()
            deleted = []
            while thread.is_alive() and 200 not in deleted:
                deleted.append(server.request("DELETE", "/models/large")[0])
            thread.join()
            self.assertEqual(len(answers), 1)
            self.assertLessEqual(set(deleted), {200, 404, 409, 503})
            # Whatever came first, the list tells what is there, and it can be loaded and deleted.
            time.sleep(0.5)
            is_loaded = self.number(server, path="/models/large/invoke") == 1
            self.assertEqual(self.loaded(server), ["large"] if is_loaded else [], (answers, deleted))
            if is_loaded:
                self.ask(server, "DELETE", "/models/large")
            self.ask(server, "POST", "/models", json.loads(body))
            self.assertEqual(self.number(server, path="/models/large/invoke"), 1)
            self.ask(server, "DELETE", "/models/large")
            self.assertEqual(self.number(server, path="/models/large/invoke"), (404, "not_found"))


class Fleet(Folder):
    """Models below a store, loaded on first use."""

    def test_names(self):
        self.put("plain.tar.gz", archive(1))
        self.put("sub/dir/deep.tar.gz", archive(2))
        self.put("café.tar.gz", archive(3))
        self.put("bare.onnx", model(4))
        self.put("folder/model.onnx", model(5))
        self.put("versions/1/model.onnx", model(6))
        self.put("versions/2/model.onnx", model(7))
        for front in FRONTS:
            with self.subTest(front), self.fleet(front=front) as server:
                for name, number in [
                    ("plain.tar.gz", 1), ("plain", 1), ("sub/dir/deep.tar.gz", 2), ("sub/dir/deep", 2),
                    ("sub%2Fdir%2Fdeep", 2), ("caf%C3%A9.tar.gz", 3), ("caf%c3%a9", 3), ("bare.onnx", 4), ("bare", 4),
                    ("folder", 5), ("versions", 7)]:
                    with self.subTest(name):
                        self.assertEqual(self.number(server, name), number)
                        path = urllib.parse.quote(urllib.parse.unquote(name), safe="")
                        self.assertEqual(self.number(server, path=f"/models/{path}/invoke"), number)
                self.assertEqual(self.number(server, "café".encode()), 3)
                self.assertEqual(self.number(server, path="/models/sub%2Fdir%2Fdeep/invoke"), 2)
                self.assertEqual(self.number(server), (400, "bad_request"))
                self.assertEqual(self.number(server, ""), (400, "bad_request"))
                _, _, body = server.predict(ROW)
                self.assertIn(TARGET, error_of(body)["message"])
                for name in ["../store/plain", "/plain", "sub/../plain", "sub/./dir/deep", "sub//dir/deep", "..",
                             "%2e%2e/store/plain", "plain%00", "x" * 2000, str(self.store / "plain")]:
                    with self.subTest(name):
                        self.assertEqual(self.number(server, name), (400, "bad_request"))
                for unknown, near in [("plane", "plain"), ("sub/dir/deap.tar.gz", "sub/dir/deep"), ("bar", "bare")]:
                    status, _, body = server.predict(ROW, **{TARGET: unknown})
                    self.assertEqual(status, 404)
                    self.assertIn(near, json.dumps(error_of(body)))
                registered, token = [], ""
                while token is not None:
                    query = f"&next_page_token={urllib.parse.quote(token)}" if token else ""
                    page = self.ask(server, "GET", "/models?registered=true&limit=3" + query)
                    registered += [entry["modelName"] for entry in page["models"]]
                    token = page.get("nextPageToken")
                self.assertEqual(
                    sorted(registered), ["bare.onnx", "café.tar.gz", "folder", "plain.tar.gz", "sub/dir/deep.tar.gz",
                                         "versions"])
                page = self.ask(server, "GET", "/models?registered=true")
                self.assertEqual({entry["state"] for entry in page["models"]}, {"loaded"})
                self.assertIn("plain", self.loaded(server))

    def test_a_long_list_of_the_store(self):
        data = model(1)
        names = [f"m{number:04}.onnx" for number in range(1234)]
        for name in names:
            (self.store / name).write_bytes(data)
        with self.fleet(workers=1) as server:
            for limit in (300, 1000):
                registered, token = [], ""
                while token is not None:
                    query = f"&next_page_token={urllib.parse.quote(token)}" if token else ""
                    page = self.ask(server, "GET", f"/models?registered=true&limit={limit}{query}")
                    registered += [entry["modelName"] for entry in page["models"]]
                    self.assertLessEqual(len(registered), len(names))
                    token = page.get("nextPageToken")
                self.assertEqual(sorted(registered), names)

    def test_what_cannot_be_loaded_concerns_nobody_else(self):
        self.put("good.onnx", model(1))
        self.put("bad.onnx", b"no model")
        self.put("bad.tar.gz", archive(2)[:-30])
        self.put("empty.tar.gz", archive(3, name="readme.txt"))
        with self.fleet(workers=1) as server:
            for _ in range(3):
                for name in ["bad.onnx", "bad.tar.gz", "empty.tar.gz"]:
                    self.assertEqual(self.number(server, name), (424, "model_load_failed"), name)
                self.assertEqual(self.number(server, "good"), 1)
            self.assertEqual(self.loaded(server), ["good"])
            # A repaired one is served, after the pause in which it is not tried again.
            self.put("bad.onnx", model(5))
            self.assertTrue(kit.wait_until(lambda: self.number(server, "bad.onnx") == 5, 5))
            self.assertEqual(total(metrics(server), "swiftlet_model_loaded"), 2)

    def test_first_calls_at_a_time_are_one_load(self):
        for number in range(3):
            self.put(f"m{number}.onnx", model(number, 4_000_000))
        for front in FRONTS:
            with self.subTest(front), self.fleet(front=front) as server:
                for number in range(3):
                    answers, gate = [], threading.Barrier(24)

                    def call():
                        gate.wait()
                        answers.append(self.number(server, f"m{number}"))
                    threads = [threading.Thread(target=call) for _ in range(24)]
                    for thread in threads:
                        thread.start()
                    for thread in threads:
                        thread.join()
                    self.assertEqual(answers, [number] * 24)
                    found = metrics(server)
                    self.assertEqual(total(found, "swiftlet_model_load_seconds_count"), number + 1)
                    self.assertEqual(total(found, "swiftlet_model_workers", model=f"m{number}"), 1)

    def test_least_recently_used_goes_first(self):
        size = 600_000
        for number, name in enumerate("abcdefgh"):
            self.put(f"{name}.onnx", model(number, size))
        # What one takes, by the server's own count, says what three of them take.
        with self.fleet(workers=1) as server:
            self.number(server, "a")
            memory = self.ask(server, "GET", "/models/a")["memory"]
        one = memory["privateBytes"] + memory["sharedBytes"]
        budget = int(one * 3.4) + 80_000
        with self.fleet("--memory-budget", f"{budget}B", workers=1) as server:
            for name in "abca":
                self.assertEqual(self.number(server, name), ord(name) - 97)
                time.sleep(0.02)
            self.assertEqual(self.loaded(server), ["a", "b", "c"])
            for name, gone in [("d", "b"), ("e", "c"), ("b", "a")]:
                self.assertEqual(self.number(server, name), ord(name) - 97)
                time.sleep(0.02)
                self.assertNotIn(gone, self.loaded(server))
            self.assertEqual(self.loaded(server), ["b", "d", "e"])
            self.assertEqual(total(metrics(server), "swiftlet_model_evictions_total"), 3)
        with self.fleet("--memory-budget", f"{budget}B", "--pinned-models", "a,b.tar.gz", workers=1) as server:
            self.assertTrue(kit.wait_until(lambda: self.loaded(server) == ["a", "b"], 5))
            for name in "cdefghcdefgh":
                self.assertEqual(self.number(server, name), ord(name) - 97)
                self.assertLessEqual(total(metrics(server), "swiftlet_model_memory_bytes"), budget)
            self.assertLess({"a", "b"}, set(self.loaded(server)))
            self.assertEqual(self.number(server, "a"), 0)

    def test_the_budget_holds_under_traffic(self):
        budget = 3_000_000
        for number in range(40):
            self.put(f"m{number}.onnx", model(number, 200_000 + 10_000 * number))
        with self.fleet("--memory-budget", f"{budget}B") as server:
            wrong, most = [], 0

            def call(seed):
                random = numpy.random.default_rng(seed)
                for _ in range(60):
                    number = int(random.zipf(1.3)) % 40
                    if (got := self.number(server, f"m{number}")) not in (number, (507, "insufficient_storage")):
                        wrong.append((number, got))
            threads = [threading.Thread(target=call, args=(seed,)) for seed in range(8)]
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                most = max(most, total(metrics(server), "swiftlet_model_memory_bytes"))
                time.sleep(0.02)
            for thread in threads:
                thread.join()
            self.assertEqual(wrong, [])
            self.assertLessEqual(most, budget * 1.1)
            found = metrics(server)
            self.assertGreater(total(found, "swiftlet_model_evictions_total"), 0)
            hits, misses = (total(found, f"swiftlet_model_cache_{k}_total") for k in ("hits", "misses"))
            self.assertEqual(hits + misses, 480)

    def test_models_that_take_more_than_their_files(self):
        """How much that is, is known when they are loaded: then others make room, or it is refused."""
        for number in range(8):
            self.put(f"m{number}.onnx", wide(number, 20_000))
        with self.fleet(workers=1) as server:
            self.number(server, "m0")
            memory = self.ask(server, "GET", "/models/m0")["memory"]
        budget = int((memory["privateBytes"] + memory["sharedBytes"]) * 2.5)
        with self.fleet("--memory-budget", f"{budget}B", workers=1) as server:
            for number in list(range(8)) * 2:
                self.assertEqual(self.number(server, f"m{number}"), number)
                self.assertLessEqual(total(metrics(server), "swiftlet_model_memory_bytes"), budget)

    def test_limits_of_one_model(self):
        self.put("large.onnx", model(1, 3_000_000))
        self.put("small.onnx", model(2))
        with self.fleet("--max-model-memory", "1MB") as server:
            self.assertEqual(self.number(server, "large"), (507, "insufficient_storage"))
            self.assertEqual(self.number(server, "small"), 2)
        with self.fleet("--memory-budget", "1MB") as server:
            self.assertEqual(self.number(server, "large"), (507, "insufficient_storage"))
            self.assertEqual(self.number(server, "small"), 2)

    def test_refresh_and_rollback_of_one_of_many(self):
        self.put("a.tar.gz", archive(1))
        self.put("b.tar.gz", archive(2))
        with self.fleet("--refresh-interval", "1s") as server:
            self.assertEqual((self.number(server, "a"), self.number(server, "b")), (1, 2))
            self.put("a.tar.gz", archive(3))
            self.assertEqual(self.ask(server, "POST", "/models/a/refresh")["result"], "committed")
            self.assertEqual((self.number(server, "a"), self.number(server, "b")), (3, 2))
            self.ask(server, "POST", "/models/nothing/refresh", status=404)
            self.ask(server, "POST", "/models/b/rollback", status=409)
            self.put("b.tar.gz", archive(4))
            self.assertTrue(kit.wait_until(lambda: self.number(server, "b") == 4, 5), server.log)
            self.assertEqual(self.ask(server, "POST", "/models/a.tar.gz/rollback")["result"], "rolled_back")
            self.assertEqual(self.number(server, "a"), 1)
            time.sleep(1.5)
            self.assertEqual(self.number(server, "a"), 1)
            # Unloading does not undo it either; a refresh by hand does.
            self.ask(server, "DELETE", "/models/a")
            self.assertEqual(self.number(server, "a"), 1)
            self.assertTrue(self.ask(server, "GET", "/models/a")["pinnedByRollback"])
        with self.fleet("--refresh-interval", "1s") as server:
            self.assertEqual((self.number(server, "a"), self.number(server, "b")), (1, 4))
            self.assertEqual(self.ask(server, "POST", "/models/a/refresh")["result"], "committed")
            self.assertEqual(self.number(server, "a"), 3)
            self.ask(server, "DELETE", "/models/a")
            self.assertEqual(self.number(server, "a"), 3)

    def test_loading_by_hand(self):
        self.put("a.tar.gz", archive(1))
        with self.fleet() as server:
            self.ask(server, "POST", "/models", {"model_name": "x", "url": str(self.store / "a.tar.gz")})
            self.assertEqual((self.number(server, "x"), self.loaded(server)), (1, ["x"]))
            self.ask(server, "DELETE", "/models/x")
            self.assertEqual(self.number(server, "x"), (404, "not_found"))

    @unittest.skipUnless(kit.HAS_NGINX, "needs nginx")
    def test_a_hot_model_is_in_every_worker(self):
        self.put("hot.onnx", heavy(7))
        self.put("cold.onnx", model(1))
        with self.fleet(front="nginx", workers=2) as server:
            self.assertEqual(self.number(server, "cold"), 1)
            self.assertEqual(self.number(server, "hot"), 7)
            self.assertEqual(len(self.ask(server, "GET", "/models/hot")["workers"]), 1)
            rows, wrong, stop = ROW * 64, [], threading.Event()

            def call():
                connection = server.connect()
                while not stop.is_set():
                    connection.request("POST", "/invocations", rows, {"Content-Type": "text/csv", "Accept": "text/csv", TARGET: "hot"})
                    answer = connection.getresponse()
                    text = answer.read()
                    if answer.status != 200 or text.split() != [b"7.0"] * 64:
                        wrong.append((answer.status, text[:200]))
                        return

            threads = [threading.Thread(target=call) for _ in range(6)]
            for thread in threads:
                thread.start()
            spread = kit.wait_until(lambda: len(self.ask(server, "GET", "/models/hot")["workers"]) == 2, 15)
            stop.set()
            for thread in threads:
                thread.join()
            self.assertEqual(wrong, [])
            self.assertTrue(spread, server.log)
            self.assertEqual(len(self.ask(server, "GET", "/models/cold")["workers"]), 1)

    def test_boto3(self):
        self.put("a.tar.gz", archive(1))
        self.put("sub/b.tar.gz", archive(2))
        with self.fleet() as server:
            runtime = boto3.client(
                "sagemaker-runtime", endpoint_url=f"http://127.0.0.1:{server.port}", region_name="us-east-1",
                aws_access_key_id="local", aws_secret_access_key="local", config=Config(retries={"max_attempts": 0}))

            def call(**target):
                return runtime.invoke_endpoint(EndpointName="fleet", ContentType="text/csv", Accept="text/csv", Body=ROW,
                                               **target)
            for name, number in [("a.tar.gz", 1), ("sub/b.tar.gz", 2), ("a", 1)]:
                self.assertEqual(int(float(call(TargetModel=name)["Body"].read())), number)
            for target, status in [({"TargetModel": "c.tar.gz"}, 404), ({}, 400)]:
                with self.assertRaises(runtime.exceptions.ModelError) as caught:
                    call(**target)
                self.assertEqual(caught.exception.response["OriginalStatusCode"], status)

    def test_metrics(self):
        self.put('od"d\\ name.onnx', model(1))
        self.put("b.onnx", model(2))
        for front in FRONTS:
            with self.subTest(front), self.fleet(front=front) as server:
                for _ in range(3):
                    self.assertEqual(self.number(server, "b"), 2)
                self.number(server, "none")
                self.number(server, "od%22d%5C%20name.onnx")
                self.ask(server, "POST", "/models/b/refresh")
                found = metrics(server)
                for name in ["swiftlet_refresh_total", "swiftlet_model_loaded", "swiftlet_model_memory_bytes",
                             "swiftlet_model_load_seconds_sum", "swiftlet_model_load_seconds_count",
                             "swiftlet_model_evictions_total", "swiftlet_model_cache_hits_total"]:
                    self.assertIn(name, {n for n, _ in found})
                self.assertEqual(total(found, "swiftlet_refresh_total", result="unchanged"), 1)
                self.assertEqual(total(found, "swiftlet_model_cache_hits_total"), 2)
                self.assertGreater(total(found, "swiftlet_model_memory_bytes", model="b"), 0)
                self.assertGreater(total(found, "swiftlet_model_load_seconds_sum"), 0)
                self.assertEqual(total(found, "swiftlet_model_loaded"),
                                 total(found, "swiftlet_model_load_seconds_count"))


class Access(Folder):
    """Who may manage, and what it may name."""

    def setUp(self):
        super().setUp()
        self.put("a.onnx", model(1))

    def statuses(self, server, **headers):
        calls = [("GET", "/models"), ("GET", "/models/a"), ("POST", "/models/a/refresh"), ("GET", "/metrics"),
                 ("POST", "/models/a/rollback"), ("DELETE", "/models/nothing"), ("POST", "/models")]
        return {server.request(method, path, "{}" if method == "POST" else None, headers)[0] for method, path in calls}

    def test_off(self):
        for front in FRONTS:
            with self.subTest(front), self.fleet("--management", "off", front=front) as server:
                self.assertEqual(self.number(server, "a"), 1)
                self.assertEqual(self.statuses(server), {404})
                self.assertEqual(self.number(server, path="/models/a/invoke"), 1)

    def test_loopback(self):
        for front in FRONTS:
            with self.subTest(front), self.fleet(front=front) as server:
                self.assertEqual(self.number(server, "a"), 1)
                own = f"http://127.0.0.1:{server.port}"
                self.assertNotIn(403, self.statuses(server))
                self.assertNotIn(403, self.statuses(server, Origin=own))
                self.assertNotIn(403, self.statuses(server, **{"Sec-Fetch-Site": "same-origin", "Origin": own}))
                for headers in [
                    {"X-Forwarded-For": "127.0.0.1"}, {"X-Forwarded-For": "::1"}, {"X-Forwarded-For": "10.1.2.3"},
                    {"X-Forwarded-For": "10.1.2.3, 127.0.0.1"},
                    {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://localhost.evil.example"},
                    {"Origin": "http://127.0.0.1.evil.example"}, {"Sec-Fetch-Site": "cross-site"},
                    {"Sec-Fetch-Site": "same-site"}, {"Host": "evil.example", "Origin": "http://evil.example"},
                ]:
                    with self.subTest(headers):
                        self.assertEqual(self.statuses(server, **headers), {403})
                        # Predictions are for everybody.
                        self.assertEqual(self.number(server, "a", headers=headers.items()), 1)

    def test_another_name_for_this_machine(self):
        """A page whose name was made to point here sends GET without Origin: only Host tells."""
        with self.fleet() as server:
            self.assertEqual(server.request("GET", "/models", headers={"Host": "evil.example"})[0], 403)
            for host in ["localhost", f"localhost:{server.port}", "127.0.0.1", "[::1]:80"]:
                self.assertEqual(server.request("GET", "/models", headers={"Host": host})[0], 200, host)

    def test_token(self):
        for front in FRONTS:
            with self.subTest(front), self.fleet(
                    "--management", "token", front=front, env={"SWIFTLET_MANAGEMENT_TOKEN": "s3cret"}) as server:
                self.assertEqual(self.number(server, "a"), 1)
                self.assertNotIn(401, self.statuses(server, Authorization="Bearer s3cret"))
                self.assertNotIn(401, self.statuses(server, Authorization="bearer s3cret"))
                for wrong in [None, "Bearer", "Bearer ", "Bearer s3cre", "Bearer s3crets", "Bearer s3cres3cre", "Basic s3cret",
                              "s3cret", "Bearer S3CRET"]:
                    with self.subTest(wrong):
                        self.assertEqual(self.statuses(server, **({"Authorization": wrong} if wrong else {})), {401})
                self.assertEqual(metrics(server, Authorization="Bearer s3cret") != {}, True)
        with self.fleet("--management", "token", ready=False) as server:
            self.assertIn(server.process.wait(20), (64, 78))
            self.assertIn("management-token", server.log)

    def test_public(self):
        with self.fleet("--management", "public") as server:
            self.assertEqual(self.number(server, "a"), 1)
            self.assertFalse({401, 403} & self.statuses(server, **{"X-Forwarded-For": "8.8.8.8"}))

    def test_urls_outside_of_the_store(self):
        outside = self.folder / "outside"
        outside.mkdir()
        (outside / "m.onnx").write_bytes(model(9))
        (self.folder / "store-2").mkdir()
        (self.folder / "store-2/m.onnx").write_bytes(model(9))
        os.symlink(outside, self.store / "link")
        os.symlink(outside / "m.onnx", self.store / "link.onnx")
        for front in FRONTS:
            with self.subTest(front), self.fleet(front=front) as server:
                for url in [
                    outside / "m.onnx", outside, self.store / "../outside/m.onnx", self.store / "link",
                    self.store / "link/m.onnx", self.store / "link.onnx", self.folder / "store-2/m.onnx", self.store,
                    f"file://{outside}/m.onnx", f"file://{self.store}/../outside/m.onnx", f"FILE://{outside}/m.onnx",
                    "http://127.0.0.1:1/m.onnx", "https://example.com/m.onnx", "ftp://127.0.0.1/m.onnx",
                    "s3://bucket/m.onnx", "/etc/passwd", "/proc/self/mem", "/dev/zero", "/", "", ".", "m.onnx",
                    "file:///etc/passwd", "file://host/etc/passwd", f"{self.store}/a.onnx\0/../../outside/m.onnx",
                    "gopher://x", "//host/share", f"{self.store}/%2e%2e/outside/m.onnx", "x" * 10000,
                ]:
                    with self.subTest(url):
                        status, _, body = server.request(
                            "POST", "/models", json.dumps({"model_name": "x", "url": str(url)}))
                        self.assertIn(status, (400, 403, 404), body)
                        self.assertEqual(self.loaded(server), [])
                self.ask(server, "POST", "/models", {"model_name": "x", "url": str(self.store / "a.onnx")})
                self.assertEqual(self.number(server, "x"), 1)

    def test_garbage(self):
        bodies = [b"", b"{", b"[]", b"null", b'"x"', b"{}", b'{"model_name": 1, "url": 2}', b'{"model_name": "x"}',
                  b'{"url": "/x"}', b'{"model_name": null, "url": null}', b"\xff\xfe", b"[" * 5000, b"\0" * 100,
                  b'{"model_name": "\\ud800", "url": "/x"}', b'{"model_name": ["x"], "url": {}}',
                  b'{"modelName": "x", "url": "/x"}', b'{"model_name": "x", "model_name": "y", "url": "/x"}',
                  os.urandom(3000)]
        for front in FRONTS:
            with self.subTest(front), self.fleet(front=front) as server:
                for body in bodies:
                    with self.subTest(body[:40]):
                        status, _, text = server.request("POST", "/models", body, {"Content-Type": "application/json"})
                        self.assertIn(status, (400, 403, 404, 413), text)
                        self.assertTrue(error_of(text)["message"])
                status, _, text = server.request("POST", "/models", b"x" * 2_000_000)
                self.assertEqual((status, error_of(text)["code"]), (413, "payload_too_large"))
                for path in ["/models?limit=" + "9" * 40, "/models?limit=%00", "/models?limit=1&limit=x",
                             "/models?registered=true&next_page_token=-1|"]:
                    self.assertEqual(server.get(path)[0], 400, path)
                for path in ["/models?unknown=1", "/models?", "/models?&&=&"]:
                    self.assertEqual(server.get(path)[0], 200, path)
                self.assertEqual(server.get("/models/%FF")[0] in (400, 404), True)
                self.assertEqual(self.number(server, "a"), 1)

    def test_methods(self):
        for front in FRONTS:
            with self.subTest(front), self.fleet(front=front) as server:
                self.assertEqual(self.number(server, "a"), 1)
                for path, allowed in [
                    ("/models", "GET HEAD POST"), ("/models/a", "GET HEAD DELETE"), ("/models/a/invoke", "POST"),
                    ("/models/a/refresh", "POST"), ("/models/a/rollback", "POST"), ("/metrics", "GET HEAD")]:
                    for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]:
                        if method in allowed:
                            continue
                        with self.subTest(method=method, path=path):
                            status, headers, body = server.request(method, path, b"" if method in "POST PUT" else None)
                            self.assertEqual((status, error_of(body)["code"]), (405, "method_not_allowed"))
                            self.assertEqual(
                                {m for m in re.split(r"[, ]+", headers["Allow"]) if m}, set(allowed.split()))
                for path in ["/models", "/models/a", "/metrics"]:
                    status, headers, body = server.request("HEAD", path)
                    self.assertEqual((status, body), (200, b""))
                    self.assertGreater(int(headers["Content-Length"]), 10)
                for path in ["/models/", "/models//", "/models/a/b/", "/metrics/"]:
                    self.assertEqual(server.get(path)[0], 404, path)


if __name__ == "__main__":
    unittest.main()
