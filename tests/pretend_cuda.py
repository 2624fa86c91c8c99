"""A GPU that is not there: the code path of CUDA rehearsed on a machine without one, tensors without contents.

    with PretendCuda(memory_gib=14.6) as gpu:          # a T4
        engine.generate(request, count=4)              # as on a GPU: same branches, same sizes, nothing computed
    gpu.peak_bytes, gpu.captures, gpu.waits

Tensors on "cuda" are torch's fake tensors: they know shape, precision and device, so that mixing devices fails as it
would on a GPU. Tensors on the CPU stay real unless they were made by :meth:`PretendCuda.hollow`. On top of that:

- *Capture* is refused what a CUDA graph cannot hold: copies to or from the host, waiting for the device, pinned
  memory, random numbers, values asked for from Python, a library's first call on the stream. A graph refuses to be
  replayed when memory it reads has been given back since.
- *Precision* of products, convolutions and norms must agree, which fake tensors do not check.
- *Memory* is counted: bytes of live storages in blocks of 512 as torch's allocator hands them out, and what graphs keep
  to themselves until they are dropped. Beyond ``memory_gib`` it runs out as it would on a GPU. Workspaces of cuDNN and
  cuBLAS, temporaries inside single operations and gaps between blocks are not counted: a lower bound.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
import torch.nn.functional as F
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

GIB = 2**30
BLOCK_BYTES = 512
_CUDA, _META = 1, 14  # numbers of torch's device types
_REAL_COPY_BYTES = 2**26  # what comes back from the GPU is a real tensor up to this size: sound, not weights

aten = torch.ops.aten
# One precision for all floating point arguments: CUDA kernels take no mixture here.
_SAME_PRECISION = {
    aten.mm, aten.bmm, aten.addmm, aten.addmm_, aten.baddbmm, aten.linear, aten.convolution, aten.native_layer_norm,
    aten.native_group_norm, aten.native_batch_norm, aten.lerp, aten.index_copy_, aten.index_copy, aten.searchsorted,
    aten.bucketize, aten.layer_norm, aten.group_norm,
}  # fmt: skip
# Their first call on a stream makes handles and workspaces.
_LIBRARY_CALLS = {aten.mm, aten.bmm, aten.addmm, aten.addmm_, aten.baddbmm, aten.linear, aten.convolution}
_RANDOM = {
    aten.normal_, aten.uniform_, aten.random_, aten.bernoulli_, aten.exponential_, aten.randn, aten.rand, aten.normal,
    aten.multinomial, aten.randint, aten.randperm, aten.bernoulli, aten.randn_like, aten.rand_like, aten.native_dropout,
}  # fmt: skip
_FILLS = {aten.normal_, aten.uniform_, aten.random_, aten.bernoulli_, aten.exponential_}
_SIZE_FROM_VALUES = {aten.nonzero, aten.masked_select, aten._unique2, aten.unique_consecutive}


class NotCapturable(RuntimeError):
    """A step did, while it was captured, what a CUDA graph cannot hold."""


class _Pool:
    """Memory that graphs keep to themselves: as much as was ever in use at once while they were captured."""

    def __init__(self) -> None:
        self.live = self.most = 0
        self.graphs = 0


class PretendCuda(TorchDispatchMode):
    """A CUDA device of ``memory_gib`` (None = as much as is wanted) for the length of a block.

    Attributes
    ----------
    peak_bytes
        Most bytes held at once, memory of graphs included; :meth:`reset_peak` starts anew.
    captures
        How many graphs were captured.
    replays
        How many times a graph was replayed.
    waits
        How often the host waited for a value from the device.
    """

    def __init__(
        self, memory_gib: float | None = None, name: str = "Tesla T4", capability: tuple[int, int] = (7, 5)
    ) -> None:
        super().__init__()
        self.capacity = None if memory_gib is None else int(memory_gib * GIB)
        self.name, self.capability = name, capability
        self.live_bytes = self.peak_bytes = self.captures = self.replays = self.waits = 0
        self._fake = FakeTensorMode(allow_non_fake_inputs=True)
        self._storages: dict[int, Any] = {}
        self._pools: list[_Pool] = []
        self._capture: _Graph | None = None
        self._stream_kind = type("Stream", (_Stream,), {"gpu": self})
        self._default = self._stream = self._stream_kind()
        self._called: set = set()
        self._patches = contextlib.ExitStack()

    # ---- the device

    def __enter__(self) -> PretendCuda:
        self._patches.callback(_forget_answers)
        _forget_answers()
        self._stream = self._default
        for name, value in self._stand_ins().items():
            self._patches.enter_context(mock.patch.object(torch.cuda, name, value))
        self._patches.enter_context(mock.patch.object(torch.utils, "swap_tensors", _swap_tensors))
        self._patches.enter_context(_device_guard())
        self._patches.enter_context(_Calls(self))
        return super().__enter__()

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self._patches.close()

    def _stand_ins(self) -> dict[str, Any]:
        total = self.capacity or 1024 * GIB
        properties = SimpleNamespace(
            name=self.name, major=self.capability[0], minor=self.capability[1], total_memory=total,
            multi_processor_count=40,
        )  # fmt: skip
        return {
            "is_available": lambda: True,
            "is_initialized": lambda: True,
            "device_count": lambda: 1,
            "current_device": lambda: 0,
            "get_device_properties": lambda *_: properties,
            "get_device_capability": lambda *_: self.capability,
            "get_device_name": lambda *_: self.name,
            "is_bf16_supported": lambda *_, **__: self.capability >= (8, 0),
            "mem_get_info": lambda *_: (total - self.held_bytes, total),
            "memory_allocated": lambda *_: self.held_bytes,
            "memory_reserved": lambda *_: self.held_bytes,
            "max_memory_allocated": lambda *_: self.peak_bytes,
            "reset_peak_memory_stats": lambda *_: self.reset_peak(),
            "empty_cache": lambda: self._refuse("empty_cache"),
            "synchronize": lambda *_: self._refuse("synchronize"),
            "is_current_stream_capturing": lambda: self._capture is not None,
            # Classes, because libraries name them in annotations.
            "Stream": self._stream_kind,
            "Event": type("Event", (_Event,), {"gpu": self}),
            "CUDAGraph": type("CUDAGraph", (_Graph,), {"gpu": self}),
            "graph": type("graph", (_Capture,), {"gpu": self}),
            "current_stream": lambda *_: self._stream,
            "set_stream": lambda stream: setattr(self, "_stream", stream),
            "stream": self._on_stream,
            "device": lambda _: contextlib.nullcontext(),
        }

    @contextlib.contextmanager
    def _on_stream(self, stream: _Stream) -> Iterator[None]:
        before, self._stream = self._stream, stream
        try:
            yield
        finally:
            self._stream = before

    def _refuse(self, what: str) -> None:
        if self._capture is not None:
            raise NotCapturable(f"{what}: operation not permitted when stream is capturing")

    def note_reads(self, tensors: list[torch.Tensor]) -> None:
        """Remember that the graph being captured, if any, uses these."""
        if self._capture is not None:
            self._capture.reads(tensors)

    # ---- memory

    @property
    def held_bytes(self) -> int:
        """Bytes of live tensors and of graphs."""
        return self.live_bytes + sum(pool.most for pool in self._pools)

    def reset_peak(self) -> None:
        self.peak_bytes = self.held_bytes

    def _track(self, tensor: FakeTensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._storages:
            return
        size = -(-storage.nbytes() // BLOCK_BYTES) * BLOCK_BYTES
        pool = self._capture.pool_used if self._capture else None
        if pool is None:
            self.live_bytes += size
        else:
            pool.live += size
            pool.most = max(pool.most, pool.live)
        self._storages[key] = weakref.finalize(storage, self._forget, key, size, pool)
        held = self.held_bytes
        if self.capacity is not None and held > self.capacity:
            raise torch.OutOfMemoryError(
                f"CUDA out of memory. Tried to allocate {size / GIB:.2f} GiB. {self.name} has a total capacity of "
                f"{self.capacity / GIB:.2f} GiB, and {(held - size) / GIB:.2f} GiB are in use."
            )
        self.peak_bytes = max(self.peak_bytes, held)

    def _forget(self, key: int, size: int, pool: _Pool | None) -> None:
        del self._storages[key]
        if pool is None or pool not in self._pools:
            self.live_bytes -= size
        else:
            pool.live -= size

    # ---- tensors

    @contextlib.contextmanager
    def hollow(self) -> Iterator[None]:
        """Tensors made in this block on the CPU have no contents either, so that models of any size fit."""
        with self._fake:
            yield

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        keywords = dict(keywords or {})
        tensors = [leaf for leaf in tree_leaves((arguments, keywords)) if isinstance(leaf, torch.Tensor)]
        here = [tensor for tensor in tensors if tensor.device.type == "cuda"]
        name = function.overloadpacket
        wanted = torch.device(keywords["device"]).type if keywords.get("device") is not None else None
        if function.namespace == "aten" and torch._C._dispatch_has_kernel_for_dispatch_key(
            function.name(), "CompositeImplicitAutograd"
        ):
            # Made of smaller operations; inference mode hands it over whole.
            super().__enter__()
            try:
                return function.decompose(*arguments, **keywords)
            finally:
                super().__exit__(None, None, None)
        if keywords.pop("pin_memory", None) or name is aten.pin_memory:
            self._refuse("pinned memory")
        if name is aten._to_copy and (here or wanted == "cuda"):
            return self._moved(arguments[0], wanted, keywords)
        if name is aten.copy_ and here:
            return self._copied(*arguments[:2])
        if name is aten._local_scalar_dense and isinstance(arguments[0], FakeTensor):
            return self._value(arguments[0])
        if not here and wanted != "cuda":
            if not any(isinstance(tensor, FakeTensor) for tensor in tensors):
                return function(*arguments, **keywords)
            with self._fake:
                return function(*arguments, **keywords)
        return self._launched(name, function, arguments, keywords, tensors)

    def _launched(self, name, function, arguments, keywords, tensors):
        if name in _SIZE_FROM_VALUES:
            self._refuse(str(name))
            self.waits += 1
        if name in _RANDOM:
            self._refuse(f"random numbers ({name})")
        if name in (aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_):
            if any(tensor.device.type == "cpu" and tensor.dim() for tensor in tensors):
                self._refuse("an index on the CPU")
            if any(tensor.dtype is torch.bool for tensor in tree_leaves(arguments[1]) if tensor is not None):
                self._refuse("a mask as an index")
        if name in _SAME_PRECISION:
            kinds = {tensor.dtype for tensor in tensors if tensor.is_floating_point()}
            if len(kinds) > 1:
                raise RuntimeError(f"{name}: expected one precision, found {', '.join(sorted(map(str, kinds)))}")
        if name in _LIBRARY_CALLS:
            call = (self._stream.number, name)
            if self._capture is not None and call not in self._called:
                self._refuse(f"the first {name} on this stream")
            self._called.add(call)
        self.note_reads(tensors)
        with self._fake:
            out = arguments[0] if name in _FILLS else function(*arguments, **keywords)
        self._keep(out)
        return out

    def _keep(self, out: Any) -> None:
        for leaf in tree_leaves(out):
            if isinstance(leaf, FakeTensor) and leaf.device.type == "cuda":
                self._track(leaf)

    def _moved(self, source: torch.Tensor, wanted: str | None, keywords: dict) -> torch.Tensor:
        """``tensor.to(...)``: between host and device, or to another precision."""
        target = wanted or source.device.type
        dtype = keywords.get("dtype") or source.dtype
        if target != source.device.type:
            self._refuse(f"a copy from {source.device.type} to {target}")
        if target == "cpu":
            self.waits += 1
            return self._fetched(source, dtype)
        self.note_reads([source])
        layout = source if source.is_contiguous() or source.device.type == "cuda" else None
        with self._fake:
            if layout is None and source.untyped_storage().nbytes() == source.numel() * source.itemsize:
                out = torch.empty_strided(source.size(), source.stride(), dtype=dtype, device="cuda")
            elif keywords.get("memory_format") in (None, torch.preserve_format) and source.device.type == "cuda":
                out = torch.empty_like(source, dtype=dtype)
            else:
                out = torch.empty(source.size(), dtype=dtype, device="cuda")
        # Some layers keep their settings in tensors, and ask for them.
        if source.numel() == 1 and not dtype.is_floating_point:
            known = source.constant if isinstance(source, FakeTensor) else source
            out.constant = None if known is None else known.detach().clone()
        self._keep(out)
        return out

    def _fetched(self, source: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        size = source.numel() * dtype.itemsize
        if size > _REAL_COPY_BYTES:
            with self._fake:
                return torch.empty(source.size(), dtype=dtype)
        if not dtype.is_floating_point:
            return torch.zeros(source.size(), dtype=dtype)
        return torch.sin(torch.arange(source.numel()) * 0.05).mul_(0.1).reshape(source.size()).to(dtype)

    def _copied(self, target: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        torch.broadcast_shapes(target.shape, source.shape)
        if target.device.type != source.device.type:
            self._refuse(f"a copy from {source.device.type} to {target.device.type}")
        if target.device.type == "cpu":
            self.waits += 1
        self.note_reads([target, source])
        if isinstance(target, FakeTensor):
            target.constant = None
        return target

    def _value(self, tensor: FakeTensor) -> bool | int | float:
        """What Python is told when it asks for a value: where nothing is known true, or one."""
        if tensor.device.type == "cuda":
            self._refuse("a value asked for from Python")
        self.waits += tensor.device.type == "cuda"
        if tensor.constant is not None:
            return tensor.constant.item()
        return True if tensor.dtype is torch.bool else 1.0 if tensor.is_floating_point() else 1


class _Calls(TorchFunctionMode):
    """What has to be caught before torch's C++ side sees it."""

    def __init__(self, gpu: PretendCuda) -> None:
        super().__init__()
        self._gpu = gpu

    def __torch_function__(self, function, types, arguments=(), keywords=None):
        keywords = keywords or {}
        if function is F.scaled_dot_product_attention and arguments[0].device.type == "cuda":
            return self._attention(*arguments, **keywords)
        # A torch built for CPUs cannot ask a driver which device "cuda" is.
        return function(*map(_numbered, arguments), **{name: _numbered(value) for name, value in keywords.items()})

    def _attention(self, query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, **_):
        """The memory-efficient kernel's memory: no table of weights, and a result in the order of the tokens."""
        tensors = [query, key, value] + ([] if attn_mask is None else [attn_mask])
        kinds = {tensor.dtype for tensor in tensors if tensor.dtype is not torch.bool}
        if len(kinds) > 1 or {tensor.device.type for tensor in tensors} != {"cuda"}:
            raise RuntimeError("attention: expected one precision and one device")
        torch.broadcast_shapes(query.shape[:2], key.shape[:2], value.shape[:2])
        if attn_mask is not None:
            torch.broadcast_shapes(attn_mask.shape, (*query.shape[:-1], key.shape[-2]))
        self._gpu.note_reads(tensors)
        rows, heads, length, _ = query.shape
        return query.new_empty(rows, length, heads, value.shape[-1]).transpose(1, 2)


def _numbered(value: Any) -> Any:
    is_device = isinstance(value, torch.device) or (isinstance(value, str) and value == "cuda")
    return torch.device("cuda:0") if is_device and torch.device(value).type == "cuda" else value


def _forget_answers() -> None:
    """Let the libraries ask again whether there is a GPU: they keep the first answer."""
    for name in ("transformers.utils.import_utils", "diffusers.utils.import_utils", "accelerate.utils.imports"):
        for value in list(vars(sys.modules.get(name, object)).values()):
            if hasattr(value, "cache_clear"):
                value.cache_clear()


@contextlib.contextmanager
def _device_guard() -> Iterator[None]:
    """Let torch's C++ side switch to "cuda" without a driver: by doing nothing, as the guard of "meta" does."""
    if torch.backends.cuda.is_built():
        torch._C._ensureCUDADeviceGuardSet()  # torch's own way, for builds that only lack the device
        yield
        return
    core = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / "libc10.so"))
    guards = (ctypes.c_void_p * (_META + 1)).in_dll(core, "_ZN3c104impl26device_guard_impl_registryE")
    before, guards[_CUDA] = guards[_CUDA], guards[_META]
    lifts = torch._C._only_lift_cpu_tensors()
    torch._C._set_only_lift_cpu_tensors(True)  # torch.tensor(..., device="cuda"): the copy comes by this module, too
    try:
        yield
    finally:
        torch._C._set_only_lift_cpu_tensors(lifts)
        guards[_CUDA] = before


def _swap_tensors(one: torch.Tensor, other: torch.Tensor) -> None:
    """As torch's own, which refuses fake tensors because their mode keeps weak references to them."""
    of_one, of_other = dict(vars(one)), dict(vars(other))
    one.__class__, other.__class__ = other.__class__, one.__class__
    torch._C._swap_tensor_impl(one, other)
    for tensor, attributes in ((one, of_other), (other, of_one)):
        vars(tensor).clear()
        vars(tensor).update(attributes)


class _Stream:
    gpu: PretendCuda
    _made = 0

    def __init__(self, *_: object) -> None:
        _Stream._made += 1
        self.number = _Stream._made

    def wait_stream(self, other: _Stream) -> None:
        self.gpu._refuse("waiting for another stream")

    def synchronize(self) -> None:
        self.gpu._refuse("synchronize")


class _Event:
    gpu: PretendCuda

    def record(self, *_: object) -> None:
        self.gpu._refuse("an event of the host's")

    def synchronize(self) -> None:
        self.gpu._refuse("synchronize")


class _Graph:
    """A CUDA graph: remembers which memory it reads, refuses to be replayed when that has been given back."""

    gpu: PretendCuda

    def __init__(self, *_: object) -> None:
        self.pool_used: _Pool | None = None
        self._inputs: dict[int, weakref.ref] = {}

    def pool(self) -> _Pool | None:
        return self.pool_used

    def begin(self, pool: _Pool | None) -> None:
        if pool is None:
            pool = _Pool()
            self.gpu._pools.append(pool)
        pool.graphs += 1
        self.pool_used = pool
        weakref.finalize(self, _drop_graph, self.gpu, pool)

    def reads(self, tensors: list[torch.Tensor]) -> None:
        for tensor in tensors:
            if tensor.device.type == "cuda":
                storage = tensor.untyped_storage()
                self._inputs.setdefault(storage._cdata, weakref.ref(storage))

    def end(self, before: set[int]) -> None:
        self._inputs = {key: kept for key, kept in self._inputs.items() if key in before}

    def replay(self) -> None:
        gone = sum(kept() is None for kept in self._inputs.values())
        if gone:
            raise RuntimeError(f"{gone} tensors that the graph reads have been given back since it was captured")
        self.gpu.replays += 1


def _drop_graph(gpu: PretendCuda, pool: _Pool) -> None:
    pool.graphs -= 1
    if not pool.graphs:
        gpu._pools.remove(pool)
        gpu.live_bytes += pool.live


class _Capture:
    """``torch.cuda.graph``: on an error the stream stays current and the capture is lost, as with the real one."""

    gpu: PretendCuda

    def __init__(self, graph, pool=None, stream=None, capture_error_mode="global") -> None:
        self._graph, self._pool, self._stream = graph, pool, stream

    def __enter__(self) -> None:
        gpu = self.gpu
        gpu._refuse("a capture within a capture")
        assert self._stream is not gpu._default, "capture needs a stream of its own"
        self._was, gpu._stream = gpu._stream, self._stream
        self._before = set(gpu._storages)
        self._graph.begin(self._pool)
        gpu._capture = self._graph

    def __exit__(self, kind, error, trace) -> None:
        self.gpu._capture = None
        if error is not None:
            raise RuntimeError("CUDA error: operation failed due to a previous error during capture") from error
        self._graph.end(self._before)
        self.gpu.captures += 1
        self.gpu._stream = self._was
