//! Saved indexes: written beside their place and moved there, read in place by mapping them into memory.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::Mmap;
use officina_search::{SearchError, Snapshot};

use crate::errors::NativeError;

/// Why a file could not be read or written.
pub(super) enum FileError {
    Io(io::Error),
    Search(SearchError),
}

impl FileError {
    fn at(path: &Path, error: &io::Error) -> Self {
        Self::Io(io::Error::new(error.kind(), format!("{}: {error}", path.display())))
    }
}

impl From<FileError> for NativeError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Io(error) => NativeError::io(&error),
            FileError::Search(error) => error.into(),
        }
    }
}

/// Writes `snapshot` to `path`: whole and synced, or not at all.
pub(super) fn save(snapshot: &Snapshot, path: &Path) -> Result<(), FileError> {
    let write = || {
        static SAVED: AtomicU64 = AtomicU64::new(0);
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{}-{}.tmp", std::process::id(), SAVED.fetch_add(1, Ordering::Relaxed)));
        let written = (|| {
            let mut out = BufWriter::new(File::create(&beside)?);
            snapshot.save(&mut out)?;
            out.flush()?;
            out.get_ref().sync_all()?;
            fs::rename(&beside, path)?;
            sync_folder(path)
        })();
        if written.is_err() {
            // What is left of it is of no use; that the disk is full, say, is what the caller needs to hear.
            let _ = fs::remove_file(&beside);
        }
        written
    };
    write().map_err(|error| FileError::at(path, &error))
}

/// Makes the new name of a file outlast a power cut, where folders can be synced.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Opens the file at `path` and checks it; it is read from where it lies from then on.
pub(super) fn open(path: &Path) -> Result<Snapshot, FileError> {
    let failed = |error| FileError::at(path, &error);
    let file = File::open(path).map_err(failed)?;
    #[expect(
        unsafe_code,
        reason = "to map a file is unsafe in Rust, for another program could change it meanwhile"
    )]
    // SAFETY: `save` never changes a file, it puts another in its place. Were a file changed by something else, answers
    // would be wrong; were it cut short, the process would end by a signal, as the guide says.
    let mapped = unsafe { Mmap::map(&file) }.map_err(failed)?;
    let bytes: Arc<dyn AsRef<[u8]> + Send + Sync> = Arc::new(mapped);
    Snapshot::open(&bytes).map_err(FileError::Search)
}
