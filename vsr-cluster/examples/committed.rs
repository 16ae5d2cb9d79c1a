//! Work for `cargo xtask overhead`: operations committed by three replicas, with or without recording, depending on
//! how this is built.
//!
//! `committed stepped N` steps the three cores in one thread, with disks that keep nothing and a clock of its own: the same
//! instructions in every run, for callgrind. `committed synced N DIRECTORY` runs them in real time on synchronized
//! files. Both print the nanoseconds of processor time that the replicas took, and of the clock.

use std::collections::VecDeque;
use std::error::Error;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use vsr_cluster::client::Client;
use vsr_cluster::cluster::{Cluster, Config, metrics_of};
use vsr_cluster::configuration::Configuration;
use vsr_cluster::driver::store;
use vsr_cluster::message::{Request, Stamp};
use vsr_cluster::network::Nobody;
use vsr_cluster::node::VERSION;
use vsr_cluster::replica::{Clock, Input, Output, Replica, Restored, Time, Tuning};
use vsr_cluster::state_machine::Operation;
use vsr_cluster::storage::{Disk, Durability, Layout, Name, Storage};

const REPLICAS: usize = 3;
/// Clients of the run in real time, each with one request under way.
const CLIENTS: u64 = 16;
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["stepped", operations] => {
            let operations = operations.parse()?;
            let (before, began) = (scheduled("/proc/thread-self/schedstat")?, Instant::now());
            stepped(operations)?;
            let took = scheduled("/proc/thread-self/schedstat")? - before;
            println!("{took} {}", began.elapsed().as_nanos());
            Ok(())
        }
        ["synced", operations, directory] => synced(operations.parse()?, directory),
        _ => Err("usage: committed stepped N | committed synced N DIRECTORY".into()),
    }
}

/// A clock that goes on when it is told to.
struct Hand(Time);

impl Clock for Hand {
    fn now(&self) -> Time {
        self.0
    }

    fn calendar(&self) -> Stamp {
        u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A disk that takes everything and keeps nothing: what files or memory cost differs from run to run.
struct Sink;

impl Disk for Sink {
    fn names(&mut self) -> io::Result<Vec<Name>> {
        Ok(Vec::new())
    }
    fn length(&mut self, _: Name) -> io::Result<u64> {
        Ok(0)
    }
    fn read(&mut self, _: Name, _: u64, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }
    fn write(&mut self, _: Name, _: u64, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
    fn cut(&mut self, _: Name, _: u64) -> io::Result<()> {
        Ok(())
    }
    fn remove(&mut self, _: Name) -> io::Result<()> {
        Ok(())
    }
    fn sync(&mut self, _: Name) -> io::Result<()> {
        Ok(())
    }
}

/// A core with its disk.
struct Stepped {
    replica: Replica,
    storage: Storage<Sink>,
}

/// Three cores that are stepped in turn.
struct Cores {
    replicas: Vec<Stepped>,
    clock: Hand,
    inputs: VecDeque<(usize, Input)>,
    outputs: Vec<Output>,
    replies: u64,
}

/// Time between two requests.
const STEP: Duration = Duration::from_micros(100);

/// A function of its own in the program, so that callgrind can count it alone.
#[inline(never)]
fn stepped(operations: u64) -> Result<(), Box<dyn Error>> {
    let metrics = metrics_of(REPLICAS)?;
    let mut cores = Vec::new();
    for (index, metrics) in metrics.iter().enumerate() {
        let layout = Layout { durability: Durability::Sync, ..Layout::of(index) };
        let opened = Storage::open(Sink, layout, Arc::clone(metrics))?;
        let (storage, restored) = Restored::of(opened, Configuration::initial(REPLICAS, 0), VERSION)
            .ok_or("a new disk is not empty")?;
        // Nothing can be read back, so nobody looks.
        let tuning = Tuning { scrub_every: Duration::from_secs(1 << 30), ..Tuning::default() };
        let replica = Replica::new(index, VERSION, tuning, Arc::clone(metrics), restored);
        cores.push(Stepped { replica, storage });
    }
    let inputs = (0..REPLICAS).map(|index| (index, Input::Start)).collect();
    let mut cores =
        Cores { replicas: cores, clock: Hand(Time::ZERO), inputs, outputs: Vec::new(), replies: 0 };
    // Until somebody leads.
    (0..10_000).try_for_each(|_| cores.settle())?;
    for number in 0..=operations {
        let operation = match number {
            0 => Operation::OpenSession,
            _ => Operation::Add { register: number % 64, amount: 1 },
        };
        cores.inputs.push_back((0, Input::Request(Request { client: 1, number, operation })));
        while cores.replies <= number {
            cores.settle()?;
        }
    }
    Ok(())
}

impl Cores {
    /// Lets some time go by, and everything happen that follows.
    fn settle(&mut self) -> Result<(), Box<dyn Error>> {
        self.clock.0 += STEP;
        for (index, core) in self.replicas.iter().enumerate() {
            if core.replica.deadline().is_some_and(|deadline| deadline <= self.clock.0) {
                self.inputs.push_back((index, Input::Tick));
            }
        }
        while let Some((index, input)) = self.inputs.pop_front() {
            let core = &mut self.replicas[index];
            core.replica.step(input, &self.clock, &mut self.outputs);
            for output in self.outputs.drain(..) {
                let answer = match output {
                    Output::Send(envelope) => {
                        self.inputs.push_back((envelope.to, Input::Message(envelope)));
                        None
                    }
                    Output::Reply(_) => {
                        self.replies += 1;
                        None
                    }
                    output => store(&mut core.storage, output)?,
                };
                self.inputs.extend(answer.map(|answer| (index, answer)));
            }
            if let Some(through) = core.storage.flush()? {
                self.inputs.push_back((index, Input::Persisted(through)));
            }
        }
        Ok(())
    }
}

fn synced(operations: u64, directory: &str) -> Result<(), Box<dyn Error>> {
    let metrics = metrics_of(REPLICAS)?;
    let config = Config { durability: Durability::Sync, ..Config::new(REPLICAS, directory) };
    let cluster = Cluster::start(&config, &metrics, Arc::new(Nobody))?;
    let mut clients: Vec<_> = (1..=CLIENTS).map(|id| Client::new(id, cluster.network())).collect();
    for client in &mut clients {
        client.open(PATIENCE).ok_or("no session")?.map_err(|refusal| format!("no session: {refusal:?}"))?;
    }
    let (before, began) = (processor_time()?, Instant::now());
    std::thread::scope(|scope| {
        for client in &mut clients {
            scope.spawn(move || {
                for number in 0..operations / CLIENTS {
                    let operation = Operation::Add { register: number % 64, amount: 1 };
                    assert!(client.execute(operation, PATIENCE).is_some(), "a request is not answered");
                }
            });
        }
    });
    println!("{} {}", processor_time()? - before, began.elapsed().as_nanos());
    cluster.stop()?;
    Ok(())
}

/// Nanoseconds that the replicas' threads took of the processors, as the scheduler counts them.
fn processor_time() -> Result<u64, Box<dyn Error>> {
    let mut sum = 0;
    for thread in fs::read_dir("/proc/self/task")? {
        let path = thread?.path();
        // A client's thread may be on its way out.
        let is_replica = fs::read_to_string(path.join("comm")).is_ok_and(|name| name.starts_with("replica-"));
        if is_replica {
            sum += scheduled(path.join("schedstat"))?;
        }
    }
    Ok(sum)
}

/// Nanoseconds on a processor that a thread's file tells of.
fn scheduled(file: impl AsRef<Path>) -> Result<u64, Box<dyn Error>> {
    Ok(fs::read_to_string(file)?.split(' ').next().unwrap_or_default().parse()?)
}
