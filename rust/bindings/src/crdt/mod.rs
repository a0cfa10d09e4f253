//! `officina._native.crdt`: documents and shared types for Python.

#![expect(clippy::doc_markdown, reason = "the comments of Python classes become their docstrings")]
#![expect(clippy::needless_pass_by_value, reason = "what Python hands over comes as a value")]

mod array;
mod delta;
mod doc;
mod edits;
mod event;
mod gil_lock;
mod handle;
mod history;
mod id_map;
mod id_set;
mod map;
mod observer;
mod shared;
mod snapshot;
mod sticky_index;
mod subdoc;
mod text;
mod transaction;
mod undo;
mod update;
mod value;
mod xml;

use pyo3::prelude::*;

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<doc::Doc>()?;
    module.add_class::<doc::Statistics>()?;
    module.add_class::<transaction::Transaction>()?;
    module.add_class::<transaction::NewTransaction>()?;
    module.add_class::<transaction::ReadTransaction>()?;
    module.add_class::<doc::Subscription>()?;
    module.add_class::<handle::BaseType>()?;
    module.add_class::<text::Text>()?;
    module.add_class::<array::Array>()?;
    module.add_class::<map::Map>()?;
    module.add_class::<xml::XmlFragment>()?;
    module.add_class::<xml::XmlElement>()?;
    module.add_class::<xml::XmlText>()?;
    module.add_class::<xml::XmlChildrenView>()?;
    module.add_class::<xml::XmlAttributesView>()?;
    module.add_class::<subdoc::SubdocsEvent>()?;
    module.add_class::<id_map::AttrRange>()?;
    module.add_class::<id_map::ContentAttribute>()?;
    module.add_class::<id_map::IdMap>()?;
    module.add_class::<id_set::IdSet>()?;
    module.add_class::<snapshot::Snapshot>()?;
    module.add_class::<sticky_index::StickyIndex>()?;
    module.add_class::<undo::StackItem>()?;
    module.add_class::<undo::UndoManager>()?;
    module.add_class::<event::TransactionEvent>()?;
    module.add_class::<event::TextEvent>()?;
    module.add_class::<event::ArrayEvent>()?;
    module.add_class::<event::MapEvent>()?;
    module.add_class::<event::XmlEvent>()?;
    module.add_function(wrap_pyfunction!(update::merge_updates, module)?)?;
    module.add_function(wrap_pyfunction!(update::get_update, module)?)?;
    module.add_function(wrap_pyfunction!(update::get_state, module)?)?;
    module.add_function(wrap_pyfunction!(update::convert_update, module)?)
}
