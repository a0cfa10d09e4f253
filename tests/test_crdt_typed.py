"""Typed containers: annotations are the schema, when a value is set and when it is read."""

from __future__ import annotations

import pytest

from officina.crdt import Array, Doc, Map, Text, TypedArray, TypedDoc, TypedMap


class Task(TypedMap):
    title: str
    done: bool | None
    tags: Array[str]


class Tasks(TypedArray[Task]):
    type: Task


class Project(TypedDoc):
    tasks: Tasks
    notes: Text
    first: Task


@pytest.fixture
def project() -> Project:
    project = Project()
    project.tasks.append(Task())
    return project


def test_root_types_are_there_from_the_start() -> None:
    project = Project()
    assert project._.to_py() == {"tasks": [], "notes": "", "first": {}}
    assert isinstance(project._, Doc)


def test_what_is_set_can_be_read_by_attribute_and_by_name(project: Project) -> None:
    task = project.tasks[0]
    task.title, task.done, task.tags = "a", None, Array(["x"])
    assert (task.title, task.done, task.tags.to_py()) == ("a", None, ["x"])
    assert project._["tasks"].to_py() == [{"title": "a", "done": None, "tags": ["x"]}]
    assert isinstance(task._, Map)
    project.notes += "b"
    assert str(project._["notes"]) == "b"


def test_elements_come_back_in_their_declared_class(project: Project) -> None:
    project.tasks.extend([Task(), Task()])
    project.tasks[0].title = "first"
    assert type(project.tasks[2]) is Task
    assert len(project.tasks) == 3
    assert [task.title for task in project.tasks if "title" in task._] == ["first"]
    project.first.title = "other"
    assert type(project.first) is Task


def test_a_value_of_another_class_is_refused(project: Project) -> None:
    task = project.tasks[0]
    with pytest.raises(TypeError, match="Incompatible types"):
        task.title = 3  # type: ignore[assignment]
    with pytest.raises(TypeError, match="Incompatible types"):
        task.done = 1  # type: ignore[assignment]
    assert task._.to_py() == {}


def test_what_is_not_declared_is_no_attribute(project: Project) -> None:
    with pytest.raises(AttributeError, match="nothing"):
        project.tasks[0].nothing = 3  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="nothing"):
        project.nothing  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(KeyError):
        project.tasks[0].title  # noqa: B018


def test_a_typed_document_around_another_is_the_same_document(project: Project) -> None:
    project.notes += "shared"
    for around in (Project(project), Project(project._)):
        assert around._ is project._
        assert str(around.notes) == "shared"
        assert len(around.tasks) == 1


def test_a_replica_is_read_through_the_same_schema(project: Project) -> None:
    project.tasks[0].title = "travels"
    replica = Project()
    replica._.apply_update(project._.get_update())
    assert replica.tasks[0].title == "travels"
