//! Linux: files of `/proc` that stay open, and the clocks of threads.

use std::fs::File;
use std::io;
use std::os::linux::fs::MetadataExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;
use nix::unistd::{SysconfVar, sysconf};

use super::parse;
use super::rates::Reading;
use crate::health::{METRICS, Resource};

/// Reads what the system says of this process.
pub(super) struct Reader {
    statm: Kept,
    io: Kept,
    diskstats: Option<Kept>,
    network: Kept,
    quota: Option<Kept>,
    device: (u32, u32),
    data: Option<PathBuf>,
    page: u64,
    cpus: Option<f64>,
    /// Readings until the CPUs are counted again: a look that costs more than all others together.
    until_counted: u32,
    text: Vec<u8>,
}

/// A file that is opened once. It may not be there, or be denied.
struct Kept {
    resource: Resource,
    path: PathBuf,
    file: Option<File>,
}

/// A file larger than this is not one of ours.
const LONGEST: usize = 1 << 20;
/// Readings between two counts of the CPUs.
const COUNTED_EVERY: u32 = 12;

impl Reader {
    pub(super) fn new(data: Option<PathBuf>) -> Self {
        Self::below(Path::new("/proc"), Path::new("/sys/fs/cgroup"), data)
    }

    /// A reader of other roots than the system's.
    pub(super) fn below(proc: &Path, groups: &Path, data: Option<PathBuf>) -> Self {
        let device = data.as_deref().and_then(device_of);
        let group = std::fs::read(proc.join("self/cgroup")).ok();
        let quota =
            group.as_deref().and_then(parse::unified_group).map(|path| groups.join(path).join("cpu.max"));
        Self {
            statm: Kept::new(Resource::Memory, proc.join("self/statm")),
            io: Kept::new(Resource::Disk, proc.join("self/io")),
            // A disk in memory or over the network has no device, and that is no failure.
            diskstats: device.map(|_| Kept::new(Resource::Disk, proc.join("diskstats"))),
            network: Kept::new(Resource::Network, proc.join("self/net/dev")),
            quota: quota.filter(|path| path.is_file()).map(|path| Kept::new(Resource::Cpu, path)),
            device: device.unwrap_or_default(),
            data,
            page: sysconf(SysconfVar::PAGE_SIZE)
                .ok()
                .flatten()
                .and_then(|size| u64::try_from(size).ok())
                .unwrap_or(0),
            cpus: None,
            until_counted: 0,
            text: Vec::with_capacity(16 << 10),
        }
    }

    /// Fills in what the system says. `with_network` asks for the totals of the interfaces.
    pub(super) fn read(&mut self, reading: &mut Reading, with_network: bool) {
        let text = &mut self.text;
        let pages = self.statm.read(text, parse::resident_pages);
        reading.memory = pages.and_then(|pages| pages.checked_mul(self.page)).filter(|bytes| *bytes > 0);
        reading.disk_bytes = self.io.read(text, parse::disk_bytes);
        let device = self.device;
        reading.disk_operations = self
            .diskstats
            .as_mut()
            .and_then(|file| file.read(text, |text| parse::disk_operations(text, device)));
        if with_network {
            reading.network_bytes =
                self.network.read(text, |text| Some(parse::network_bytes(text))).flatten();
        }
        reading.disk_free = self.data.as_deref().and_then(free);
        reading.cpus = self.cpus();
    }

    /// CPUs that this process may use: those that are there, by affinity and quota.
    fn cpus(&mut self) -> Option<f64> {
        if self.until_counted == 0 {
            self.until_counted = COUNTED_EVERY;
            let there = std::thread::available_parallelism().ok();
            let there = there.and_then(|count| u32::try_from(count.get()).ok()).map(f64::from);
            // No quota is no failure.
            let quota = self
                .quota
                .as_mut()
                .and_then(|file| file.read(&mut self.text, |text| Some(parse::cpu_quota(text))));
            self.cpus = match (there, quota.flatten()) {
                (Some(there), Some(quota)) => Some(there.min(quota)),
                (there, quota) => there.or(quota),
            };
        }
        self.until_counted -= 1;
        self.cpus
    }
}

impl Kept {
    fn new(resource: Resource, path: PathBuf) -> Self {
        Self { resource, path, file: None }
    }

    /// What the file says now. That it cannot be read, or makes no sense, is counted.
    fn read<T>(&mut self, text: &mut Vec<u8>, parse: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
        let read = self.text(text).ok().and_then(|()| parse(text));
        if read.is_none() {
            METRICS.increment_sampler_errors(self.resource);
            // Perhaps it is another file by now.
            self.file = None;
        }
        read
    }

    /// The whole file, read from its beginning in one piece: the kernel writes it when it is read.
    fn text(&mut self, text: &mut Vec<u8>) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            closed => closed.insert(File::open(&self.path)?),
        };
        text.resize(text.capacity().max(4 << 10), 0);
        loop {
            let length = file.read_at(text, 0)?;
            if length < text.len() {
                text.truncate(length);
                return Ok(());
            }
            if length >= LONGEST {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            text.resize(2 * length, 0);
        }
    }
}

/// The device that holds a directory. Those of disks have a major number.
fn device_of(directory: &Path) -> Option<(u32, u32)> {
    let device = std::fs::metadata(directory).ok()?.st_dev();
    let part = |number: u64| u32::try_from(number & 0xffff_ffff).ok();
    let (major, minor) = (nix::sys::stat::major(device), nix::sys::stat::minor(device));
    Some((part(major)?, part(minor)?)).filter(|(major, _)| *major != 0)
}

/// What is left for a process that is not the superuser's.
fn free(directory: &Path) -> Option<u64> {
    let Ok(disk) = statvfs(directory) else {
        METRICS.increment_sampler_errors(Resource::Disk);
        return None;
    };
    disk.blocks_available().checked_mul(disk.fragment_size())
}

#[cfg(test)]
mod tests;
