//! macOS and Windows: what the crate `sysinfo` knows of this process. Single threads are not known, nor the number of a
//! disk's operations.

use std::path::PathBuf;
use std::time::Duration;

use sysinfo::{Disks, Networks, Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use super::rates::Reading;
use crate::health::{METRICS, Resource};

/// Reads what the system says of this process.
pub(super) struct Reader {
    system: System,
    networks: Networks,
    process: Option<Pid>,
    data: Option<PathBuf>,
}

impl Reader {
    pub(super) fn new(data: Option<PathBuf>) -> Self {
        let process = sysinfo::get_current_pid().ok();
        Self { system: System::new(), networks: Networks::new(), process, data }
    }

    /// Fills in what the system says. `with_network` asks for the totals of the interfaces.
    pub(super) fn read(&mut self, reading: &mut Reading, with_network: bool) {
        self.read_process(reading);
        if with_network {
            self.networks.refresh(true);
            let others = self.networks.iter().filter(|(name, _)| !is_loopback(name));
            let bytes =
                others.map(|(_, data)| data.total_received().saturating_add(data.total_transmitted()));
            reading.network_bytes = bytes.reduce(u64::saturating_add);
        }
        reading.disk_free = self.free();
        let there = std::thread::available_parallelism().ok();
        reading.cpus = there.and_then(|count| u32::try_from(count.get()).ok()).map(f64::from);
    }

    fn read_process(&mut self, reading: &mut Reading) {
        let Some(pid) = self.process else { return };
        let what = ProcessRefreshKind::nothing().with_memory().with_cpu().with_disk_usage();
        self.system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, what);
        let Some(process) = self.system.process(pid) else {
            METRICS.increment_sampler_errors(Resource::Memory);
            return;
        };
        let disk = process.disk_usage();
        reading.memory = Some(process.memory()).filter(|bytes| *bytes > 0);
        reading.cpu = Some(Duration::from_millis(process.accumulated_cpu_time()));
        reading.disk_bytes = Some(disk.total_read_bytes.saturating_add(disk.total_written_bytes));
    }

    /// The disk whose mount point is the longest beginning of the path.
    fn free(&self) -> Option<u64> {
        let data = std::fs::canonicalize(self.data.as_ref()?).ok()?;
        let disks = Disks::new_with_refreshed_list();
        let holds = disks.iter().filter(|disk| data.starts_with(disk.mount_point()));
        let disk = holds.max_by_key(|disk| disk.mount_point().as_os_str().len())?;
        Some(disk.available_space())
    }
}

/// `lo` with a number on Unix systems; Windows spells it out. What a user calls "Local Area Connection" is none.
fn is_loopback(name: &str) -> bool {
    let is_numbered = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    name.strip_prefix("lo").is_some_and(is_numbered) || name.starts_with("Loopback")
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
