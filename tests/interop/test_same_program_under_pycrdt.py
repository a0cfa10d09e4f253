"""Programs written for pycrdt print the same when they import officina.crdt instead.

Each is a function that is given the module and yields what it would print. Indices are into ASCII
text, where both count the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import anyio
import pytest

import officina.crdt

pycrdt = pytest.importorskip("pycrdt")

Program = Callable[[ModuleType], Iterator[Any]]
PROGRAMS: list[Program] = []


def program(function: Program) -> Program:
    PROGRAMS.append(function)
    return function


def _tried(act: Callable[[], object]) -> str:
    """The name of the built-in exception that `act` raises, or what it returns."""
    builtin = (RuntimeError, TypeError, KeyError, IndexError, ValueError, AttributeError)
    try:
        return str(act())
    except builtin as error:
        return next(kind.__name__ for kind in builtin if isinstance(error, kind))


@pytest.mark.parametrize("run", PROGRAMS, ids=lambda run: run.__name__)
def test_program_prints_the_same(run: Program) -> None:
    assert list(run(officina.crdt)) == list(run(pycrdt))


@program
def types_before_a_document(module: ModuleType) -> Iterator[Any]:
    for make in (module.Text, module.Array, module.Map):
        empty = make()
        yield empty.is_prelim, empty.is_integrated, empty.prelim, empty.to_py(), empty.type_name
        yield _tried(lambda empty=empty: empty.doc)
        yield _tried(lambda empty=empty: len(empty))
        yield _tried(lambda empty=empty: empty.observe(print))
    text, array = module.Text("text"), module.Array([1, module.Map({"a": module.Text("b")})])
    yield text.is_prelim, text.prelim, text.to_py()
    yield array.is_prelim, array.to_py()
    yield module.Map({"a": [1, 2]}).to_py()


@program
def texts(module: ModuleType) -> Iterator[Any]:
    doc = module.Doc()
    doc["text"] = text = module.Text("Hello")
    text += ", World!"
    yield str(text), len(text), text.to_py(), "World" in text, list(text)[:3]
    text.insert(5, "...")
    yield str(text), text[0], text[-1], text[2:7], text[::2], text[5:]
    del text[5:8]
    del text[0]
    yield str(text)
    text[0:4] = "J"
    yield str(text)
    text[0] = "K"
    yield str(text)
    yield _tried(lambda: text.__setitem__(0, "too long"))
    yield _tried(lambda: text.__setitem__(slice(0, 4, 2), "x"))
    yield _tried(lambda: text.__delitem__(slice(0, 4, 2)))
    yield _tried(lambda: text.__delitem__("a"))
    yield _tried(lambda: text.__setitem__("a", "b"))
    yield text.is_integrated, text.is_prelim, text.prelim, text.type_name, text.doc is doc
    doc["text"] += "!"
    yield str(doc["text"]), str(text)
    text.clear()
    yield str(text), len(text)
    doc["text"] = module.Text("again")
    yield str(text)


@program
def arrays(module: ModuleType) -> Iterator[Any]:
    doc = module.Doc()
    doc["array"] = array = module.Array(["foo", 3, 2.5, None, True])
    yield array.to_py(), str(array), len(array), array[0], array[-1], array[1:3], array[::2]
    array.append("bar")
    array.extend([1, [2, {"a": "b"}]])
    array.insert(0, "first")
    array[1] = "second"
    array[2:2] = ["x", "y"]
    yield array.to_py(), "x" in array, "z" in array, list(array)
    yield array.pop(), array.pop(0), array.pop(-2)
    del array[0]
    del array[1:3]
    yield array.to_py()
    array = array + [7]  # noqa: RUF005 - what arrays of both do
    array = [8] + array  # noqa: RUF005
    array += [9]
    yield array.to_py(), isinstance(array, module.Array)
    array.append(module.Map({"k": module.Array([1])}))
    array[-1]["k"].append(2)
    yield array[-1]["k"].to_py(), array.to_py(), array.pop()
    for index in (100, -100):
        yield _tried(lambda index=index: array[index])
        yield _tried(lambda index=index: array.__delitem__(index))
        yield _tried(lambda index=index: array.pop(index))
    yield _tried(lambda: array.__delitem__("a"))
    yield _tried(lambda: array.pop("a"))
    yield _tried(lambda: array.__setitem__("a", 1))
    yield _tried(lambda: array.__delitem__(slice(0, 4, 2)))
    array.clear()
    yield array.to_py(), len(array)


@program
def maps(module: ModuleType) -> Iterator[Any]:
    doc = module.Doc()
    doc["map"] = shared = module.Map({"a": 1, "b": "two"})
    yield shared.to_py(), len(shared), sorted(shared), sorted(shared.keys()), sorted(shared.items())
    yield "a" in shared, "z" in shared, shared["a"], shared.get("a"), shared.get("z")
    yield shared.get("z", 5), shared.pop("a"), shared.pop("z", 7), _tried(lambda: shared.pop("z"))
    shared.update({"c": [1, 2], "d": {"e": None}})
    shared["t"] = module.Text("text")
    shared["t"].insert(4, "!")
    yield shared.to_py(), str(shared["t"]), sorted(map(str, dict(shared)))
    yield shared.pop("t"), _tried(lambda: shared["nothing"])
    yield _tried(lambda: shared.__setitem__(1, 2)), _tried(lambda: shared[1])
    yield _tried(lambda: shared.__delitem__("nothing")), _tried(lambda: shared.__delitem__(1))
    del shared["b"]
    yield sorted(shared.to_py()), [1, 2] in list(shared.values())
    shared.clear()
    yield shared.to_py(), str(shared)
    shared["one"] = "x"
    yield str(shared)


@program
def documents(module: ModuleType) -> Iterator[Any]:
    doc = module.Doc({"a": module.Text("x")}, client_id=5)
    doc["b"] = module.Array()
    yield (
        doc.client_id,
        sorted(doc.keys()),
        sorted(doc),
        sorted(str(value) for value in doc.values()),
    )
    yield sorted(key for key, _ in doc.items()), "a" in doc, "z" in doc
    yield _tried(lambda: doc["z"]), _tried(lambda: doc.__setitem__(1, module.Text()))
    yield str(doc.get("a", type=module.Text)), doc.get("c", type=module.Map).to_py()
    yield isinstance(doc["c"], module.Map), doc["a"].doc is doc
    yield module.Doc(guid="mine").guid, len(module.Doc().guid)
    yield doc.get_state() == module.get_state(doc.get_update())


@program
def updates(module: ModuleType) -> Iterator[Any]:
    one, two = module.Doc(client_id=1), module.Doc(client_id=2)
    one["text"] = text = module.Text("one")
    two["text"] = module.Text("two")
    state = one.get_state()
    text += "!"
    later = one.get_update(state)
    two.apply_update(one.get_update(two.get_state()))
    one.apply_update(two.get_update())
    yield str(one["text"]) == str(two["text"]), str(one["text"])
    merged = module.merge_updates(one.get_update(), two.get_update(), later)
    three = module.Doc()
    three.apply_update(merged)
    yield str(three.get("text", type=module.Text)), module.get_state(merged) == one.get_state()
    four = module.Doc()
    four.apply_update(module.get_update(merged, b"\x00"))
    yield (
        str(four.get("text", type=module.Text)),
        state,
        one.get_update() == one.get_update(b"\x00"),
    )
    yield _tried(lambda: one.apply_update(b"\x01\x02\x03"))


@program
def document_events(module: ModuleType) -> Iterator[Any]:
    doc, copy = module.Doc(), module.Doc()
    seen: list[Any] = []
    subscription = doc.observe(lambda event: seen.append(event.update))
    doc["text"] = module.Text("abc")
    with doc.transaction():
        doc["text"] += "d"
        with doc.transaction():
            del doc["text"][0]
    yield len(seen)
    for update in seen:
        copy.apply_update(update)
    yield str(copy.get("text", type=module.Text))
    doc.unobserve(subscription)
    doc["text"] += "e"
    yield len(seen)


@program
def shared_type_events(module: ModuleType) -> Iterator[Any]:
    doc = module.Doc()
    doc["map"] = shared = module.Map({"list": module.Array([1, 2, 3]), "text": module.Text("abc")})
    array, text, seen = shared["list"], shared["text"], list[Any]()
    array.observe(lambda event: seen.append((event.delta, event.path)))
    text.observe(
        lambda event, txn: seen.append((event.delta, isinstance(txn, module.ReadTransaction)))
    )
    shared.observe(lambda event: seen.append((event.keys, event.target.to_py())))
    subscription = shared.observe_deep(
        lambda events: seen.append([(type(event).__name__, event.path) for event in events])
    )
    array.append(4)
    with doc.transaction():
        del array[0]
        array.insert(1, "x")
    yield seen.copy()
    seen.clear()
    text.insert(1, "zz")
    del text[0]
    shared["k"] = "v"
    shared["k"] = "w"
    del shared["k"]
    yield seen.copy()
    shared.unobserve(subscription)
    seen.clear()
    array.append(5)
    yield seen


@program
def transactions(module: ModuleType) -> Iterator[Any]:
    doc = module.Doc({"text": module.Text()}, allow_multithreading=True)
    text, origins = doc["text"], list[Any]()
    text.observe(lambda event: origins.append(event.transaction.origin))
    with doc.transaction(origin="me") as outer:
        yield outer.origin
        with doc.transaction() as inner:
            yield inner is outer, inner.origin
            doc["text"] += "a"
        yield _tried(lambda: doc.transaction(origin="you"))
    yield _tried(lambda: outer.origin), _tried(lambda: doc.transaction(origin=[]))
    with doc.new_transaction(origin=3):
        doc["text"] += "b"
    doc["text"] += "c"
    yield origins

    def fail() -> None:
        with doc.transaction():
            doc["text"] += "d"
            raise KeyError

    yield _tried(fail), str(doc["text"])


@program
def observers_that_fail(module: ModuleType) -> Iterator[Any]:
    doc = module.Doc({"text": module.Text()})
    text = doc["text"]

    def fail(event: Any) -> None:
        raise LookupError("no")

    def edit(event: Any, txn: Any) -> None:
        with txn:
            doc["text"] += "x"

    for callback in (fail, edit):
        subscription = text.observe(callback)
        try:
            doc["text"] += "a"
        except ExceptionGroup as group:
            kinds = (LookupError, RuntimeError)
            yield (
                group.message,
                [[isinstance(error, kind) for kind in kinds] for error in group.exceptions],
            )
        text.unobserve(subscription)
    yield str(doc["text"])


@program
def typed_containers(module: ModuleType) -> Iterator[Any]:
    def container(base: str, **declared: Any) -> Any:
        return type("Container", (getattr(module, base),), {"__annotations__": declared})

    Task = container("TypedMap", title=str, done=bool | None, tags=module.Array[str])  # noqa: N806
    Tasks = container("TypedArray", type=Task)  # noqa: N806
    Project = container("TypedDoc", tasks=Tasks, notes=module.Text, first=Task)  # noqa: N806
    project, task = Project(), Task()
    project.tasks.append(task)
    task.title, task.done = "a", None
    task.tags = module.Array(["x"])
    project.notes += "b"
    project.first.title = "c"
    yield project._["tasks"].to_py(), str(project.notes), project.first._.to_py()
    yield project.tasks[0].title, project.tasks[0].tags.to_py(), len(project.tasks)
    yield type(project.tasks[0]) is Task, str(Project(project).notes), str(Project(project._).notes)
    yield _tried(lambda: setattr(task, "title", 3)), _tried(lambda: setattr(task, "nothing", 3))
    yield _tried(lambda: task.nothing), _tried(lambda: task.done), _tried(lambda: project.nothing)
    project.tasks.extend([Task(), Task()])
    yield len(project.tasks)


@program
def models(module: ModuleType) -> Iterator[Any]:
    class Short:
        model_fields = ("text",)

        def __init__(self, text: str) -> None:
            if len(text) > 3:
                raise ValueError(text)

    doc = module.Doc({"text": module.Text()}, Model=Short)
    peer = module.Doc()
    peer["text"] = module.Text("abc")
    doc.apply_update(peer.get_update())
    peer["text"] += "d"
    yield str(doc["text"]), _tried(lambda: doc.apply_update(peer.get_update())), str(doc["text"])


@program
def messages(module: ModuleType) -> Iterator[Any]:
    one, two = module.Doc(client_id=1), module.Doc(client_id=2)
    one["text"] = module.Text("abc")
    request = module.create_sync_message(two)
    reply = module.handle_sync_message(request[1:], one)
    yield request, reply, module.handle_sync_message(reply[1:], two)
    yield str(two.get("text", type=module.Text))
    yield [int(kind) for kind in (*module.YMessageType, *module.YSyncMessageType)]
    yield module.create_update_message(b"abc"), module.create_awareness_message(b"abc")
    yield [module.write_var_uint(number) for number in (0, 127, 128, 300, 2**40)]
    yield module.read_message(module.write_message(b"x" * 200)) == b"x" * 200
    encoder = module.Encoder()
    encoder.write_var_uint(1000)
    encoder.write_var_string("text")
    yield encoder.to_bytes()
    decoder = module.Decoder(
        encoder.to_bytes() + module.write_message(b"a") + module.write_message(b"b")
    )
    yield decoder.read_var_uint(), decoder.read_var_string(), list(decoder.read_messages())
    yield decoder.read_message(), decoder.read_var_string()


@program
def awareness(module: ModuleType) -> Iterator[Any]:
    one, two = (module.Awareness(module.Doc(client_id=number)) for number in (1, 2))
    seen: list[Any] = []
    subscription = two.observe(lambda topic, event: seen.append((topic, event)))
    one.set_local_state({"user": "ada"})
    two.apply_awareness_update(one.encode_awareness_update([1]), "remote")
    one.set_local_state_field("cursor", [1, 2])
    update = one.encode_awareness_update([1])
    two.apply_awareness_update(update, "remote")
    two.apply_awareness_update(update, "remote")
    yield update, two.states, two.meta[1]["clock"], two.get_local_state(), seen
    one.set_local_state(None)
    gone = one.encode_awareness_update([1])
    yield module.is_awareness_disconnect_message(module.create_awareness_message(gone)[1:])
    yield module.is_awareness_disconnect_message(module.create_awareness_message(update)[1:])
    two.apply_awareness_update(gone, "remote")
    two.remove_awareness_states([2, 7], "me")
    two.set_local_state({})
    two.unobserve(subscription)
    two.set_local_state({"a": 1})
    yield two.states, seen, one.get_local_state()
    killer = module.Encoder()
    for number in (1, 2, 100):
        killer.write_var_uint(number)
    killer.write_var_string("null")
    two.apply_awareness_update(killer.to_bytes(), "remote")
    yield two.states, two.meta[2]["clock"]


@program
def streams_of_events(module: ModuleType) -> Iterator[Any]:
    async def main() -> list[Any]:
        doc = module.Doc({"text": module.Text()})
        copy, deltas, batches = module.Doc(), [], []
        updates, text = doc.events(), doc["text"].events()
        deep = doc["text"].events(deep=True)
        for letter in "abc":
            doc["text"] += letter
        updates.unsubscribe()
        async with updates:
            async for event in updates:
                copy.apply_update(event.update)
        async with text, deep:
            for _ in range(3):
                deltas.append((await text.receive()).delta)
                batches.append(len(await deep.receive()))
        return [str(copy.get("text", type=module.Text)), deltas, batches]

    yield anyio.run(main)


@program
def async_transactions(module: ModuleType) -> Iterator[Any]:
    async def main() -> list[Any]:
        doc, heard = module.Doc({"text": module.Text()}), list[Any]()

        async def hear(event: Any) -> None:
            await anyio.sleep(0.001)
            heard.append(type(event).__name__)

        doc.observe(hear)
        async with doc.transaction():
            doc["text"] += "a"
            async with doc.transaction():
                doc["text"] += "b"

        async def write(letter: str) -> None:
            async with doc.new_transaction():
                await anyio.sleep(0.001)
                doc["text"] += letter

        async with anyio.create_task_group() as group:
            for letter in "cd":
                group.start_soon(write, letter)
        return [len(heard), sorted(str(doc["text"]))]

    yield anyio.run(main)


@program
def providers(module: ModuleType) -> Iterator[Any]:
    class Channel:
        path = "room"

        def __init__(self, inbox: Any, outbox: Any) -> None:
            self.inbox, self.outbox = inbox, outbox

        def __aiter__(self) -> Any:
            return self

        async def __anext__(self) -> bytes:
            return await self.recv()

        async def send(self, message: bytes) -> None:
            await self.outbox.send(message)

        async def recv(self) -> bytes:
            return await self.inbox.receive()

    async def main() -> list[Any]:
        one, two = module.Doc({"text": module.Text("a")}), module.Doc()
        to_one, from_two = anyio.create_memory_object_stream[bytes](100)
        to_two, from_one = anyio.create_memory_object_stream[bytes](100)
        first, second = Channel(from_two, to_two), Channel(from_one, to_one)
        async with module.Provider(one, first) as left, module.Provider(two, second) as right:
            await left.synced.wait()
            await right.synced.wait()
            one["text"] += "b"
            text = two.get("text", type=module.Text)
            with anyio.fail_after(5):
                while str(text) != "ab":
                    await anyio.sleep(0.001)
            text += "c"
            with anyio.fail_after(5):
                while str(one["text"]) != "abc":
                    await anyio.sleep(0.001)
        for stream in (to_one, from_two, to_two, from_one):
            stream.close()
        return [str(one["text"]), str(text)]

    yield anyio.run(main)


@program
def undo(module: ModuleType) -> Iterator[Any]:
    doc = module.Doc({"text": module.Text()})
    text = doc["text"]
    manager = module.UndoManager(scopes=[text], capture_timeout_millis=0)
    text += "a"
    text += "b"
    yield manager.can_undo(), manager.can_redo(), len(manager.undo_stack)
    yield (
        manager.undo(),
        str(text),
        manager.redo(),
        str(text),
        manager.undo(),
        manager.undo(),
        str(text),
    )
    yield manager.undo(), manager.can_undo(), len(manager.redo_stack)
    manager.clear()
    yield manager.can_redo()
    manager.include_origin("me")
    with doc.transaction(origin="you"):
        text += "c"
    with doc.transaction(origin="me"):
        text += "d"
    yield manager.undo(), str(text)


@program
def sticky_indices(module: ModuleType) -> Iterator[Any]:
    doc = module.Doc({"text": module.Text("abcdef"), "array": module.Array([1, 2, 3])})
    text = doc["text"]
    after = text.sticky_index(2)
    before = text.sticky_index(2, module.Assoc.BEFORE)
    element = doc["array"].sticky_index(1)
    copy = module.StickyIndex.decode(after.encode(), text)
    json = module.StickyIndex.from_json(after.to_json(), text)
    text.insert(2, "zz")
    doc["array"].insert(0, 0)
    yield [index.get_index() for index in (after, before, element, copy, json)]
    yield after.assoc, before.assoc, int(module.Assoc.BEFORE)
    free = module.StickyIndex.decode(after.encode())
    with doc.transaction() as txn:
        yield free.get_index(txn)
    yield _tried(free.get_index)
    del text[1:5]
    yield after.get_index(), before.get_index()


@program
def snapshots(module: ModuleType) -> Iterator[Any]:
    doc = module.Doc({"text": module.Text("abc")}, skip_gc=True)
    snapshot = module.Snapshot.from_doc(doc)
    del doc["text"][0]
    doc["text"] += "d"
    old = module.Doc.from_snapshot(module.Snapshot.decode(snapshot.encode()), doc)
    yield str(old.get("text", type=module.Text)), str(doc["text"])


@program
def formatted_text(module: ModuleType) -> Iterator[Any]:
    doc = module.Doc({"text": module.Text("abcdef")})
    text, seen = doc["text"], list[Any]()
    text.observe(lambda event: seen.append(event.delta))
    text.format(1, 3, {"bold": True})
    text.insert(0, "x", {"color": "red"})
    text.insert_embed(2, {"image": "y"})
    text.insert_embed(2, {"image": "z"}, {"width": "wide"})
    yield text.diff(), str(text), len(text), seen


@program
def xml(module: ModuleType) -> Iterator[Any]:
    doc = module.Doc()
    doc["xml"] = fragment = module.XmlFragment()
    fragment.children.append(module.XmlElement("p", {"a": "1"}, ["text", module.XmlElement("b")]))
    element = fragment.children[0]
    yield str(fragment), element.tag, len(element.children)
    element.attributes["c"] = "2"
    yield sorted(element.attributes), len(element.attributes), element.attributes["c"]
    del element.attributes["a"]
    element.children.insert(0, module.XmlText("first"))
    yield str(fragment), str(element.children[0])
    del element.children[1]
    yield str(fragment), str(element.parent)


@program
def subdocuments(module: ModuleType) -> Iterator[Any]:
    doc, seen = module.Doc({"map": module.Map()}), list[Any]()
    doc.observe_subdocs(lambda event: seen.append(type(event).__name__))
    inner = module.Doc({"text": module.Text("inside")}, guid="inner")
    doc["map"]["doc"] = inner
    yield doc["map"]["doc"].guid, seen
