"""An integrator's first call: Python, reflection, no generated code. Prints the answer of WhoAmI as JSON.

usage: reflection.py ADDRESS KEY
"""

import sys

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

address, key = sys.argv[1:]
channel = grpc.insecure_channel(address)
pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
service = pool.FindServiceByName("hansa.directory.v1.DirectoryStaffService")
method = service.FindMethodByName("WhoAmI")
call = channel.unary_unary(
    f"/{service.full_name}/{method.name}",
    GetMessageClass(method.input_type).SerializeToString,
    GetMessageClass(method.output_type).FromString,
)
answer = call(GetMessageClass(method.input_type)(), metadata=[("authorization", f"Bearer {key}")], timeout=10)
print(json_format.MessageToJson(answer, indent=None))
