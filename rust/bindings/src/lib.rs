//! `officina._native`: converts between Python and the engines, releases the GIL, maps errors. No algorithm lives here.

mod crdt;
mod errors;
mod search;
mod sync;

use pyo3::prelude::*;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    add_submodule(module, "crdt", crdt::register)?;
    add_submodule(module, "search", search::register)?;
    add_submodule(module, "sync", sync::register)
}

/// Adds a submodule and makes `import officina._native.<name>` work.
fn add_submodule(
    parent: &Bound<'_, PyModule>,
    name: &str,
    register: fn(&Bound<'_, PyModule>) -> PyResult<()>,
) -> PyResult<()> {
    let py = parent.py();
    let child = PyModule::new(py, &format!("officina._native.{name}"))?;
    register(&child)?;
    py.import("sys")?.getattr("modules")?.set_item(format!("officina._native.{name}"), &child)?;
    parent.add(name, child)
}
