"""A process that serves one GGUF over the OpenAI protocol on loopback, with a key of its own: llama.cpp by xllamacpp.

Started by the shared supervisor; reads its orders from the environment and reports its port.
"""

from __future__ import annotations

import os
import signal
from urllib.parse import urlsplit

from portico.server.kit.shared_process.report import report_ready

from .child import Orders, check_memory, explain_load_failure, refuse
from .host import MIB, lacks_avx2, maybe_free_memory

# libgomp reads this once, when it is loaded: waiting threads must not spin away a core that others need.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")


def serve(orders: Orders) -> str:
    """Load the model and answer from now on; the address. Raises RuntimeError when the file cannot be loaded."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = orders.files[0]
    params.model_alias = {orders.model}
    params.n_ctx = orders.context
    params.n_parallel = orders.slots
    params.kv_unified = True  # slots share the context: one long chat may use what short ones leave
    params.cpuparams.n_threads = 1  # one token at a time has no barrier to wait at
    params.cpuparams_batch.n_threads = orders.threads  # prompts, and several streams at once
    params.cache_ram_mib = prompt_cache_mib()
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [orders.key]
    # A waiting request and an idle kept connection (5 s) hold a thread each.
    params.n_threads_http = 2 * (orders.slots + orders.queue) + 8
    params.ui = False
    params.endpoint_slots = True
    params.verbosity = -1
    server = xllamacpp.Server(params)
    _kept.append(server)
    return str(server.listening_address)


_kept: list[object] = []  # a server that nobody holds is stopped


def prompt_cache_mib() -> int:
    """Memory for prompts of earlier turns whose slot went to another chat: an eighth of what is free, 512 at most."""
    free = maybe_free_memory()
    return 512 if free is None else max(0, min(512, free // MIB // 8))


def main() -> None:
    orders = Orders.read()
    if lacks_avx2():
        refuse(
            "the local chat models need a processor with AVX2, and this one has none: "
            "use an OpenAI-compatible server instead (PORTICO_PROVIDER_OPENAI_BASE_URL)",
            "cpu",
        )
    check_memory(orders)
    try:
        address = serve(orders)
    except (RuntimeError, MemoryError) as error:
        explain_load_failure(orders, error)
    report_ready({"port": urlsplit(address).port, "key": orders.key})
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
