"""Other systems of private set intersection on the lists of `hansa bench match`; see README.md.

Usage: peers.py spu-ecdh|spu-kkrt|openmined MEMBERS LIST
Prints {"cpu_s": seconds of both sides, "hits": how many match}. Ends with 1 when the system is not installed.
"""

import json
import multiprocessing
import os
import resource
import socket
import sys
import tempfile


def phone(person):
    return str(13_000_000_000 + person * 0x9E3779B1 % 6_999_999_937)


def lists(members, size):
    half = size // 2
    pool = [phone(one) for one in range(members)]
    return pool, pool[:half] + [phone(one) for one in range(members, members + size - half)]


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def openmined(members, size):
    import private_set_intersection.python as psi

    pool, asked = lists(members, size)
    before = cpu()
    server, client = psi.server.CreateWithNewKey(True), psi.client.CreateWithNewKey(True)
    setup = server.CreateSetupMessage(1e-9, len(asked), pool, psi.DataStructure.GCS)
    hits = client.GetIntersection(setup, server.ProcessRequest(client.CreateRequest(asked)))
    return {"cpu_s": cpu() - before, "hits": len(hits)}


def side(rank, protocol, members, size, ports, folder, answers):
    import spu.libspu as libspu
    import spu.psi as psi

    rows = lists(members, size)[rank]
    path = f"{folder}/{rank}.csv"
    with open(path, "w") as file:
        file.write("id\n" + "\n".join(rows) + "\n")
    before = cpu()
    description = libspu.link.Desc()
    description.recv_timeout_ms = 600_000
    for party, port in enumerate(ports):
        description.add_party(f"party-{party}", f"127.0.0.1:{port}")
    context = libspu.link.create_brpc(description, rank)
    config = psi.PsiProtocolConfig(receiver_rank=1, broadcast_result=False)
    if protocol == "spu-ecdh":
        config.protocol = psi.PsiProtocol.PROTOCOL_ECDH
        config.ecdh_params = psi.EcdhParams(curve=psi.EllipticCurveType.CURVE_25519)
    else:
        config.protocol = psi.PsiProtocol.PROTOCOL_KKRT
    report = psi.psi_execute(
        psi.PsiExecuteConfig(
            protocol_conf=config,
            input_params=psi.InputParams(path=path, selected_keys=["id"], keys_unique=True),
            output_params=psi.OutputParams(path=f"{folder}/{rank}.out", disable_alignment=True),
        ),
        context,
    )
    context.stop_link()
    answers.put((cpu() - before, report.intersection_count if rank == 1 else 0))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def spu(protocol, members, size):
    import spu.psi  # noqa: F401  (says that it is missing before two processes do)

    ports = [free_port(), free_port()]
    spawn = multiprocessing.get_context("spawn")
    answers = spawn.Queue()
    with tempfile.TemporaryDirectory() as folder:
        sides = [
            spawn.Process(target=side, args=(rank, protocol, members, size, ports, folder, answers)) for rank in (0, 1)
        ]
        for one in sides:
            one.start()
        both = [answers.get(timeout=3600) for _ in sides]
        for one in sides:
            one.join()
    return {"cpu_s": sum(seconds for seconds, _ in both), "hits": max(hits for _, hits in both)}


def main():
    name, members, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    # What the systems print is not the answer.
    out = os.dup(1)
    os.dup2(2, 1)
    try:
        done = openmined(members, size) if name == "openmined" else spu(name, members, size)
    except ImportError as missing:
        print(f"not installed: {missing}", file=sys.stderr)
        sys.exit(1)
    os.write(out, json.dumps(done).encode())


if __name__ == "__main__":
    main()
