"""nginx's own errors have the shape of all others, and its limits are the settings'."""

import json
import os
import signal
import socket
import tempfile
import time
import unittest

import numpy
import onnx
from onnx import TensorProto, helper

import server as kit
from server import Server


def parts(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    headers = {k.strip().lower().decode(): v.strip().decode() for k, v in (l.split(b":", 1) for l in lines[1:])}
    return int(lines[0].split()[1]), headers, body


@unittest.skipUnless(kit.HAS_NGINX, "nginx is not installed")
class NginxErrors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("--max-body-size", "64KiB", "--max-header-size", "4KiB", workers=1)

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def check(self, answer, status, code):
        got, headers, body = parts(answer)
        self.assertEqual(got, status, answer[:300])
        self.assertEqual(headers["content-type"], "application/json")
        error = json.loads(body)["error"]
        self.assertEqual(error["code"], code)
        self.assertTrue(error["message"])
        self.assertEqual(error["requestId"], headers["x-request-id"])
        return error

    def tearDown(self):
        self.assertEqual(self.server.predict()[0], 200)

    def test_body_too_large(self):
        for head, body in [
            (b"Content-Length: 70000\r\n\r\n", b"x" * 70000),
            (b"Transfer-Encoding: chunked\r\n\r\n", b"11170\r\n" + b"x" * 70000 + b"\r\n0\r\n\r\n"),
        ]:
            answer = self.server.raw(
                b"POST /invocations HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: text/csv\r\n" + head + body)
            error = self.check(answer, 413, "payload_too_large")
            self.assertEqual((error["limit"], error["setting"]), ("64KiB", "max-body-size"))

    def test_the_limit_itself_passes(self):
        row = kit.ROW
        body = row * (65536 // len(row))
        self.assertEqual(self.server.predict(body)[0], 200)

    def test_request_line_too_long(self):
        answer = self.server.raw(b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        self.check(answer, 414, "uri_too_long")

    def test_header_too_large(self):
        answer = self.server.raw(b"GET /ping HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 9000 + b"\r\n\r\n")
        self.check(answer, 431, "headers_too_large")

    def test_malformed(self):
        for data in [b"GET /ping HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", b"GET /ping HTTP/1.1\r\n\r\n"]:
            self.check(self.server.raw(data), 400, "bad_request")

    def test_request_id_is_kept_or_made(self):
        for path in ["/ping", "/nothing-here"]:
            _, headers, _ = self.server.request("GET", path, headers={"X-Request-Id": "abc-123"})
            self.assertEqual(headers["X-Request-Id"], "abc-123")
        status, headers, body = self.server.request("GET", "/nothing-here", headers={"X-Request-Id": "a\"b"})
        self.assertEqual(status, 404)
        self.assertNotIn('"', headers["X-Request-Id"])
        self.assertEqual(kit.error_of(body)["requestId"], headers["X-Request-Id"])

    def test_unknown_route_and_wrong_method(self):
        status, _, body = self.server.get("/nothing")
        self.assertEqual((status, kit.error_of(body)["code"]), (404, "not_found"))
        for route in ["POST /invocations", "GET /ping", "GET /execution-parameters"]:
            self.assertIn(route, kit.error_of(body)["message"])
        for method, path, allowed in [("GET", "/invocations", "POST"), ("OPTIONS", "/invocations", "POST"),
                                      ("POST", "/ping", "GET")]:
            status, headers, body = self.server.request(method, path)
            self.assertEqual((status, kit.error_of(body)["code"]), (405, "method_not_allowed"))
            self.assertIn(allowed, headers["Allow"])

    def test_what_nginx_refuses_by_itself(self):
        end = b"Host: x\r\nConnection: close\r\n"
        coding = b"Transfer-Encoding: identity\r\n"
        self.check(self.server.raw(b"POST /invocations HTTP/1.1\r\n" + end + coding + b"\r\n"), 501, "unsupported_transfer_coding")
        self.check(self.server.raw(b"GET /ping HTTP/2.0\r\n" + end + b"\r\n"), 505, "unsupported_http_version")
        self.check(self.server.raw(b"GET /.swiftlet/error/400 HTTP/1.1\r\n" + end + b"\r\n"), 404, "not_found")
        answer = self.server.raw(b"TRACE /ping HTTP/1.1\r\n" + end + b"\r\n")
        self.check(answer, 405, "method_not_allowed")
        self.assertEqual(parts(answer)[1]["allow"], "GET, HEAD")

    def test_chunked_and_expect(self):
        row = kit.ROW
        answer = self.server.raw(
            b"POST /invocations HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: text/csv\r\nAccept: text/csv\r\n"
            b"Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(row), row))
        self.assertTrue(answer.startswith(b"HTTP/1.1 100"))
        self.assertIn(b"HTTP/1.1 200", answer)

    def test_internal_pages_cannot_be_asked_for(self):
        self.assertEqual(self.server.get("/.swiftlet/error/413")[0], 404)

    def test_server_does_not_tell_its_version(self):
        self.assertEqual(self.server.get("/ping")[1]["Server"], "nginx")


@unittest.skipUnless(kit.HAS_NGINX, "nginx is not installed")
class Draining(unittest.TestCase):
    def test_slow_prediction_gets_504(self):
        with Server("--request-timeout", "1", workers=1) as server:
            (worker,) = server.workers
            os.kill(worker, signal.SIGSTOP)
            try:
                status, headers, body = server.predict(timeout=10)
            finally:
                os.kill(worker, signal.SIGCONT)
            self.assertEqual(status, 504)
            error = kit.error_of(body)
            self.assertEqual((error["code"], error["setting"]), ("gateway_timeout", "request-timeout"))

    def test_endless_model_gets_504_and_its_worker_goes_on(self):
        # A loop of as many turns as the request says.
        body = helper.make_graph(
            [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Add", ["sum", "one"], ["next"])], "body",
            [helper.make_tensor_value_info("turn", TensorProto.INT64, []),
             helper.make_tensor_value_info("go", TensorProto.BOOL, []),
             helper.make_tensor_value_info("sum", TensorProto.FLOAT, [])],
            [helper.make_tensor_value_info("on", TensorProto.BOOL, []),
             helper.make_tensor_value_info("next", TensorProto.FLOAT, [])])
        graph = helper.make_graph(
            [helper.make_node("Loop", ["turns", "", "zero"], ["y"], body=body)], "g",
            [helper.make_tensor_value_info("turns", TensorProto.INT64, [])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [])],
            [onnx.numpy_helper.from_array(numpy.float32(value), name) for name, value in (("zero", 0), ("one", 1))])
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.onnx")
            onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
            json_in = {"Content-Type": "application/json", "Accept": "application/json"}
            for front in ("nginx", "direct"):
                with Server("--request-timeout", "1", workers=1, front=front, model=path) as server:
                    status, _, body = server.predict(b'{"inputs": {"turns": 9000000000000}}', timeout=10, **json_in)
                    self.assertEqual(status, 504, body)
                    error = kit.error_of(body)
                    self.assertEqual((error["code"], error["setting"]), ("gateway_timeout", "request-timeout"))
                    status, _, body = server.predict(b'{"inputs": {"turns": 3}}', timeout=10, **json_in)
                    self.assertEqual(status, 200, body)
                    self.assertIn(b"3", body)


if __name__ == "__main__":
    unittest.main()
