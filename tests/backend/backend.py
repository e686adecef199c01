"""A system behind the app price_check: by HTTPS with the signatures of Standard Webhooks, or by gRPC.

usage: backend.py [--port PORT] [--grpc STAFF_ADDRESS]

Prints the address where it listens; then reads, as one line, the secret that `hansa app backend set` has shown.
"""

import argparse
import base64
import hashlib
import hmac
import json
import sys
import threading
import time
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

OLD = 300
"""Seconds: a message that is older than that may be one that somebody has kept."""

PRICES = {"TEA-1": 250, "RYE-2": 199}


class Prices:
    """What the system does. The same call again has one effect, and the same answer."""

    def __init__(self):
        self.lock = threading.Lock()
        self.answers = {}

    def call(self, call):
        with self.lock:
            if call["id"] not in self.answers:
                self.answers[call["id"]] = self.decide(call["operation"], call["input"])
            return self.answers[call["id"]]

    def decide(self, operation, asked):
        price = PRICES.get(asked["sku"])
        if operation == "quote":
            if price is None:
                return {"refused": f"{asked['sku']} is not sold any more"}
            cents = price * asked["quantity"]
            amount = f"{cents // 100}.{cents % 100:02}"
            return {"output": {"price": {"amount": amount, "currency": "EUR"}, "asked": len(self.answers) + 1}}
        if operation == "sort":
            if asked["pieces"] <= 10:
                return {"act": "settle", "output": {"answer": {"note": "Credited without looking: ten pieces or fewer."}}}
            return {"act": "look_into", "output": {"answer": {"note": "Somebody calls you tomorrow."}}}
        return {"refused": "no such operation"}


def genuine(secret, headers, body):
    """Whether a message is signed by Standard Webhooks with that secret, and not an old one."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    sent = headers.get("webhook-timestamp", "")
    signed = f"{headers.get('webhook-id', '')}.{sent}.".encode() + body
    right = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    there = [part.removeprefix("v1,") for part in headers.get("webhook-signature", "").split(" ")]
    fresh = sent.isdigit() and abs(time.time() - int(sent)) < OLD
    return fresh and any(hmac.compare_digest(right, one) for one in there)


def serve_https(prices, port):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if not genuine(secret[0], self.headers, body):
                self.send_error(401)
                return
            answer = json.dumps(prices.call(json.loads(body)["data"])).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    secret = [""]
    print(f"127.0.0.1:{server.server_port}", flush=True)
    secret[0] = sys.stdin.readline().strip()
    server.serve_forever()


def serve_grpc(prices, port, staff_address):
    import grpc
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message_factory import GetMessageClass
    from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

    pool = DescriptorPool(ProtoReflectionDescriptorDatabase(grpc.insecure_channel(staff_address)))
    asked = GetMessageClass(pool.FindMessageTypeByName("hansa.apps.v1.CallRequest"))
    answered = GetMessageClass(pool.FindMessageTypeByName("hansa.apps.v1.CallResponse"))
    secret = [""]

    def call(request, context):
        if dict(context.invocation_metadata()).get("authorization") != f"Bearer {secret[0]}":
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "another secret")
        answer = prices.call({"id": request.id, "operation": request.operation, "input": json.loads(request.input)})
        output = json.dumps(answer["output"]) if "output" in answer else ""
        return answered(output=output, act=answer.get("act", ""), refused=answer.get("refused", ""))

    methods = {"Call": grpc.unary_unary_rpc_method_handler(call, asked.FromString, answered.SerializeToString)}
    server = grpc.server(futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("hansa.apps.v1.AppBackend", methods),))
    print(f"127.0.0.1:{server.add_insecure_port(f'127.0.0.1:{port}')}", flush=True)
    secret[0] = sys.stdin.readline().strip()
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--port", type=int, default=0)
    arguments.add_argument("--grpc", metavar="STAFF_ADDRESS")
    given = arguments.parse_args()
    if given.grpc:
        serve_grpc(Prices(), given.port, given.grpc)
    else:
        serve_https(Prices(), given.port)
