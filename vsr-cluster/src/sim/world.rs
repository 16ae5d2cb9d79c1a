//! The simulation itself: one queue of events in virtual time, and everything that they happen to.

mod actions;
mod ending;
mod frames;
mod queue;
mod watch;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;

use vsr_metrics::{ByzantineReason, MessageType, Metrics};

use super::adversary::{self, Craft};
use super::clients::{Asked, Clients};
use super::machine::SAMPLE_EVERY;
use super::network::{Cuts, Weather};
use super::node::{Node, Running};
use super::observer::Observer;
use super::random::Random;
use super::safety::Safety;
use super::scenario::{Action, Scenario, Target};
use crate::configuration::Configuration;
use crate::counts::{Comparison, Counts};
use crate::message::{Envelope, Message, ReplicaIndex, Reply, Request};
use crate::network::Observer as _;
use crate::replica::{Input, Output, Time};
use crate::wire::{Keyring, Parcel, Secret};
pub use ending::Ending;
use queue::{Event, Scheduled};

/// A scenario that runs.
pub struct World<'a> {
    scenario: Scenario,
    now: Time,
    events: BinaryHeap<Reverse<Scheduled>>,
    /// Events so far: those of one time happen in the order in which they came about.
    count: u64,
    random: Random,
    nodes: Vec<Node>,
    weather: Weather,
    cuts: Cuts,
    clients: Clients,
    safety: Safety,
    observer: Observer,
    counts: Counts,
    /// The latest authentic frame of each kind that each replica got since it started.
    frames: HashMap<(ReplicaIndex, MessageType), (u64, Vec<u8>)>,
    /// Answers that are to be changed on their way.
    changes: Vec<(ReplicaIndex, ByzantineReason)>,
    /// Changed answers under way, by frame.
    changed: HashMap<Vec<u8>, ByzantineReason>,
    stranger: Keyring,
    liar: Keyring,
    on_scrape: Option<(Duration, Look<'a>)>,
    /// Who may stop it before its time, and when that was.
    until: Option<Box<dyn FnMut() -> bool + 'a>>,
    stopped_at: Option<Time>,
    /// When gauges are compared next, and what came of it so far.
    inspect_at: Time,
    inspected: Comparison,
    findings: Vec<String>,
}

/// Somebody who looks at metrics.
type Look<'a> = Box<dyn FnMut(&Scrape<'_>) + 'a>;

/// What a scrape of one replica would see at some time.
pub struct Scrape<'a> {
    /// When.
    pub at: Time,
    /// Of which replica.
    pub replica: ReplicaIndex,
    /// Whether it runs and can be scraped; a scrape of one that doesn't, or can't, fails.
    pub is_up: bool,
    /// Its metrics.
    pub metrics: &'a Metrics,
}

/// How long everything has to come right once no faults are left.
const RECOVERY: Duration = Duration::from_secs(60);
/// How often gauges are compared; more seldom in a long scenario, so that it is some thousand times.
const INSPECTION: Duration = Duration::from_millis(20);
const INSPECTIONS: u32 = 5000;
/// Whoever may stop it is asked once in so many events.
const STOPS: u64 = 256;
/// Somebody who is no member, with a good key.
const STRANGER: ReplicaIndex = 63;

impl<'a> World<'a> {
    /// Founds the cluster of a scenario.
    ///
    /// # Panics
    /// If the scenario has more replicas than the catalog has ids.
    pub fn new(scenario: &Scenario) -> Self {
        let replicas = scenario.members + scenario.standbys;
        let secret = Secret::new(b"of the simulation");
        let node = |index| Node::new(index, &secret, scenario.disk).expect("a scenario has few replicas");
        let founded = Self::founded(scenario);
        let mut world = Self {
            now: Time::ZERO,
            events: BinaryHeap::new(),
            count: 0,
            random: Random::new(scenario.seed),
            nodes: (0..replicas).map(node).collect(),
            weather: scenario.weather,
            cuts: Cuts::default(),
            clients: Clients::new(scenario.load.pause, scenario.load.requests),
            safety: Safety::new(founded, scenario.tuning.max_sessions),
            observer: Observer::new(replicas, &scenario.tuning),
            counts: Counts::new(replicas),
            frames: HashMap::new(),
            changes: Vec::new(),
            changed: HashMap::new(),
            stranger: Keyring::of_replica(STRANGER, &secret),
            liar: Keyring::of_replica(0, &Secret::new(b"guessed")),
            on_scrape: None,
            until: None,
            stopped_at: None,
            inspect_at: Time::ZERO,
            inspected: Comparison::default(),
            findings: Vec::new(),
            scenario: scenario.clone(),
        };
        for index in 0..replicas {
            world.start(index);
        }
        for _ in 0..scenario.load.clients {
            let place = world.clients.worker();
            world.wake_soon(place);
        }
        if scenario.machine.is_some() {
            world.after(SAMPLE_EVERY, Event::Sample);
        }
        for (place, step) in scenario.steps.iter().enumerate() {
            world.after(step.at, Event::Step(place));
        }
        world
    }

    /// Has somebody look at every replica's metrics at regular times, as a scrape would.
    #[must_use]
    pub fn on_scrape(mut self, every: Duration, look: impl FnMut(&Scrape<'_>) + 'a) -> Self {
        self.on_scrape = Some((every, Box::new(look)));
        self.after(every, Event::Scrape);
        self
    }

    /// Has somebody stop it before its time, by saying so. It ends as if that had been its length.
    #[must_use]
    pub fn until(mut self, stop: impl FnMut() -> bool + 'a) -> Self {
        self.until = Some(Box::new(stop));
        self
    }

    /// Runs the scenario to its end, and then until everything has come right again.
    pub fn run(mut self) -> Ending {
        self.run_until(self.scenario.length);
        self.until = None;
        self.end_faults();
        let latest = self.now + RECOVERY;
        while !self.is_right() && self.now < latest && !self.has_failed() {
            self.run_until(self.now + Duration::from_millis(200));
        }
        if !self.is_right() && !self.has_failed() {
            self.findings.push(format!("not everything came right: {}", self.describe()));
        }
        self.end()
    }

    fn founded(scenario: &Scenario) -> Configuration {
        Configuration::initial(scenario.members, scenario.standbys)
    }

    fn has_failed(&self) -> bool {
        !self.findings.is_empty() || !self.safety.findings().is_empty()
    }

    fn run_until(&mut self, end: Time) {
        while !self.has_failed() {
            if self.events.peek().is_none_or(|Reverse(next)| next.at > end) {
                break;
            }
            let Some(Reverse(Scheduled { at, number, event })) = self.events.pop() else { break };
            self.inspect_before(at);
            self.now = at;
            self.happen(event);
            if number.is_multiple_of(STOPS) && self.until.as_mut().is_some_and(|stop| stop()) {
                self.stopped_at = Some(at);
                return;
            }
        }
        self.now = self.now.max(end);
    }

    /// Compares all gauges, if it is time to.
    fn inspect_before(&mut self, at: Time) {
        if at >= self.inspect_at {
            self.inspect();
            self.inspect_at = at + INSPECTION.max(self.scenario.length / INSPECTIONS);
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Frame { to, frame, is_damaged } => self.arrive(to, frame, is_damaged),
            Event::Request { to, request } => {
                if self.cuts.reaches_clients(to) {
                    self.step(to, Input::Request(request));
                }
            }
            Event::Reply { from, reply } => {
                let heard = self.clients.hear(from, &reply, &mut self.safety, &mut self.random);
                if let Some((place, pause)) = heard {
                    self.wake_after(pause, place);
                }
            }
            Event::Tick { at, life } => {
                if self.nodes[at].life == life && self.nodes[at].tick_at == Some(self.now) {
                    self.nodes[at].tick_at = None;
                    self.step(at, Input::Tick);
                }
            }
            Event::Disk { at, life } => self.disk(at, life),
            Event::Client(place) => self.wake(place),
            // Nothing goes wrong after the end.
            Event::Step(_) if self.stopped_at.is_some() => {}
            Event::Step(place) => {
                let action = self.scenario.steps[place].action.clone();
                self.act(&action);
            }
            Event::Sample => self.sample(),
            Event::Scrape => self.scrape(),
        }
    }

    fn after(&mut self, pause: Duration, event: Event) {
        self.count += 1;
        self.events.push(Reverse(Scheduled { at: self.now + pause, number: self.count, event }));
    }

    /// Opens a replica's disk and has it start.
    fn start(&mut self, index: ReplicaIndex) {
        let founded = Self::founded(&self.scenario);
        let node = &mut self.nodes[index];
        if node.running.is_some() {
            return;
        }
        if node.life > 0 && self.scenario.machine.is_some() {
            node.forget_metrics();
        }
        match node.start(founded, &self.scenario.tuning, &self.counts, &mut self.observer) {
            Ok(true) => self.step(index, Input::Start),
            Ok(false) => {}
            Err(error) => self.findings.push(format!("replica `{index}` does not start: {error}")),
        }
    }

    fn crash(&mut self, index: ReplicaIndex) {
        if self.nodes[index].running.is_some() {
            self.nodes[index].crash(&mut self.random);
            self.frames.retain(|(to, _), _| *to != index);
        }
    }

    /// Has a replica take in something, and carries out what it wants.
    fn step(&mut self, index: ReplicaIndex, input: Input) {
        self.nodes[index].machine.work();
        let clock = self.nodes[index].clock(self.now);
        let Some(running) = &mut self.nodes[index].running else { return };
        let is_request = matches!(input, Input::Request(_));
        self.observer.before(&running.replica, &input, clock);
        let mut outputs = Vec::new();
        running.replica.step(input, &clock, &mut outputs);
        self.observer.after(&running.replica, &outputs, self.now);
        for output in outputs {
            self.carry_out(index, output, is_request);
        }
        self.plan_tick(index);
    }

    fn carry_out(&mut self, index: ReplicaIndex, output: Output, is_request: bool) {
        match output {
            Output::Send(envelope) => {
                self.counts.sent(index, envelope.to, envelope.message.kind());
                self.send(envelope);
            }
            Output::Reply(reply) => {
                // What is answered at once was executed before, or is refused.
                if !is_request {
                    crate::network::Observer::replied(&self.counts, index, &reply);
                }
                if self.cuts.reaches_clients(index) {
                    self.travel(Event::Reply { from: index, reply });
                }
            }
            Output::Applied { entry, outcome } => {
                self.counts.applied(index, &entry, outcome);
                self.safety.applied(index, &entry, outcome);
            }
            Output::Installed { op, digest } => self.safety.installed(index, op, digest),
            job => {
                let (life, pause) = (self.nodes[index].life, self.nodes[index].disk);
                let was_idle = self.nodes[index].running.as_mut().is_some_and(|running| running.enqueue(job));
                if was_idle {
                    self.after(pause, Event::Disk { at: index, life });
                }
            }
        }
    }

    fn disk(&mut self, index: ReplicaIndex, life: u64) {
        let node = &mut self.nodes[index];
        if node.life != life {
            return;
        }
        let failures = node.failures();
        let Some(running) = &mut node.running else { return };
        let answer = running.work(&mut self.observer);
        let (is_idle, pause) = (running.is_idle(), node.disk);
        if !is_idle {
            self.after(pause, Event::Disk { at: index, life });
        }
        match answer {
            Ok(Some(input)) => self.step(index, input),
            Ok(None) => {}
            // As in real time: one that cannot keep its promises must not go on, and what it knows beyond its disk goes.
            Err(_) if self.nodes[index].failures() > failures => {
                self.observer.stopped(index);
                self.crash(index);
            }
            Err(error) => self.findings.push(format!("the disk of replica `{index}` failed: {error}")),
        }
    }

    fn plan_tick(&mut self, index: ReplicaIndex) {
        let node = &mut self.nodes[index];
        let deadline = node.running.as_ref().and_then(|running| running.replica.deadline());
        let at = deadline.map(|deadline| deadline.max(self.now + Duration::from_nanos(1)));
        if at != node.tick_at {
            node.tick_at = at;
            if let Some(at) = at {
                let event = Event::Tick { at: index, life: node.life };
                self.after(at.saturating_sub(self.now), event);
            }
        }
    }

    fn travel(&mut self, event: Event) {
        let after = self.random.between(self.weather.delay, self.weather.delay + self.weather.jitter);
        self.after(after, event);
    }

    fn wake_soon(&mut self, place: usize) {
        let pause = self.random.between(Duration::ZERO, self.clients.pause);
        self.wake_after(pause, place);
    }

    fn wake_after(&mut self, pause: Duration, place: usize) {
        self.clients.plan(place, self.now + pause);
        self.after(pause, Event::Client(place));
    }

    fn wake(&mut self, place: usize) {
        let Asked { to, request, again } = self.clients.wake(place, self.now, &mut self.random);
        let replicas = self.nodes.len();
        for to in to.iter().filter(|to| *to < replicas) {
            if let Some(request) = request {
                self.ask(to, request);
            }
        }
        if let Some(again) = again {
            self.wake_after(again, place);
        }
    }

    fn ask(&mut self, to: ReplicaIndex, request: Request) {
        self.travel(Event::Request { to, request });
    }
}

impl std::fmt::Debug for World<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("now", &self.now).finish_non_exhaustive()
    }
}
