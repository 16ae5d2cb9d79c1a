//! A disk that is a directory of real files.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::disk::{Disk, Name};

/// Real files in one directory.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    /// The file that was used last, kept open: it is nearly always the end of the log.
    open: Option<(Name, File)>,
}

impl Directory {
    /// Opens a directory, and creates it if need be.
    ///
    /// # Errors
    /// If it cannot be created.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        fs::create_dir_all(&path)?;
        Ok(Self { path, open: None })
    }

    /// Where the files are.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open file; `None` if it does not exist and need not.
    fn file(&mut self, name: Name, create: bool) -> io::Result<Option<&File>> {
        if self.open.as_ref().is_none_or(|(open, _)| *open != name) {
            let path = self.path.join(name.to_string());
            let exists = path.exists();
            if !exists && !create {
                return Ok(None);
            }
            let file = OpenOptions::new().read(true).write(true).create(create).truncate(false).open(path)?;
            if !exists {
                // The name of a new file is kept by its directory.
                File::open(&self.path)?.sync_all()?;
            }
            self.open = Some((name, file));
        }
        Ok(self.open.as_ref().map(|(_, file)| file))
    }
}

impl Disk for Directory {
    fn names(&mut self) -> io::Result<Vec<Name>> {
        let mut names = Vec::new();
        for file in fs::read_dir(&self.path)? {
            names.extend(file?.file_name().to_str().and_then(Name::parse));
        }
        names.sort_unstable();
        Ok(names)
    }

    fn length(&mut self, name: Name) -> io::Result<u64> {
        self.file(name, false)?.map_or(Ok(0), |file| Ok(file.metadata()?.len()))
    }

    fn read(&mut self, name: Name, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(file) = self.file(name, false)? else { return Ok(0) };
        let mut filled = 0;
        while filled < buffer.len() {
            match file.read_at(&mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(some) => filled += some,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn write(&mut self, name: Name, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file(name, true)?.map_or(Ok(()), |file| file.write_all_at(bytes, offset))
    }

    fn cut(&mut self, name: Name, length: u64) -> io::Result<()> {
        self.file(name, false)?.map_or(Ok(()), |file| {
            file.set_len(length)?;
            file.sync_all()
        })
    }

    fn remove(&mut self, name: Name) -> io::Result<()> {
        self.open = self.open.take().filter(|(open, _)| *open != name);
        match fs::remove_file(self.path.join(name.to_string())) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn sync(&mut self, name: Name) -> io::Result<()> {
        self.file(name, false)?.map_or(Ok(()), File::sync_data)
    }
}
