//! What happens to a cluster: faults, and what adversaries and operators do.

use vsr_metrics::ByzantineReason;

use super::{
    Action, Craft, Envelope, Input, Message, Parcel, ReplicaIndex, Running, STRANGER, Target, Weather, World,
};
use super::{Configuration, adversary};

impl World<'_> {
    pub(super) fn act(&mut self, action: &Action) {
        match *action {
            Action::Crash(target) => self.with(target, Self::crash),
            Action::Restart(target) => self.with(target, Self::start),
            Action::RestartAll => (0..self.nodes.len()).for_each(|index| self.start(index)),
            Action::Upgrade(target, version) => self.with(target, |world, index| {
                world.crash(index);
                world.nodes[index].version = version;
                world.start(index);
            }),
            Action::Isolate(target) => self.with(target, |world, index| world.cuts.isolate(index)),
            Action::Partition(side) => self.cuts.partition(side),
            Action::Heal => self.cuts.heal(),
            Action::Weather(weather) => self.weather = weather,
            Action::Rot(target, rot) => self.with(target, |world, index| {
                if let Err(error) = world.nodes[index].rot(rot, &mut world.random) {
                    world.findings.push(format!("nothing rots on replica `{index}`: {error}"));
                }
            }),
            Action::SlowDisk(target, disk) => {
                self.with(target, |world, index| world.nodes[index].disk = disk);
            }
            Action::FailDisk(target, failure) => {
                self.with(target, |world, index| world.nodes[index].fail(failure));
            }
            Action::Skew(target, by) => {
                self.with(target, |world, index| world.nodes[index].skew = by.saturating_mul(1_000_000));
            }
            Action::Forge(target, forgery) => self.with(target, |world, index| world.forge(index, forgery.0)),
            Action::Abdicate => self.with(Target::Primary, |world, index| world.step(index, Input::Abdicate)),
            Action::Reconfigure(members, standbys) => {
                let place = self.clients.operator(members, standbys);
                self.wake_soon(place);
            }
            Action::Visitors(count) => {
                for _ in 0..count {
                    let place = self.clients.visitor();
                    self.wake_soon(place);
                }
            }
            Action::Repeat => {
                if let Some((to, request)) = self.clients.repeat() {
                    self.ask(to, request);
                }
            }
            Action::Pause(pause) => self.clients.pause = pause,
            Action::Clients(count) => {
                for place in self.clients.workers(count) {
                    self.wake_soon(place);
                }
            }
            Action::Requests(requests) => self.clients.requests = requests,
            Action::Scrapeable(target, is_scrapeable) => {
                self.with(target, |world, index| world.nodes[index].is_scrapeable = is_scrapeable);
            }
            Action::Leak(target) => {
                self.with(target, |world, index| world.nodes[index].machine.is_leaking = true);
            }
            Action::Fill(target, bytes) => {
                self.with(target, |world, index| world.nodes[index].machine.filling = bytes);
            }
            Action::Clean(target) => self.with(target, |world, index| world.nodes[index].machine.clean()),
        }
    }

    /// Does something to the replica that is meant, if there is one.
    pub(super) fn with(&mut self, target: Target, what: impl FnOnce(&mut Self, ReplicaIndex)) {
        let leader = self.leader();
        let members = leader
            .and_then(|leader| self.nodes[leader].running.as_ref())
            .map_or(Self::founded(&self.scenario).members, |running| running.replica.configuration().members);
        let mut backups = members.iter().filter(|index| Some(*index) != leader);
        let index = match target {
            Target::Replica(index) => Some(index),
            Target::Primary => leader,
            Target::Backup => backups.next(),
            Target::LastBackup => backups.last(),
        };
        if let Some(index) = index.filter(|index| *index < self.nodes.len()) {
            what(self, index);
        }
    }

    /// Who leads the latest view.
    pub(super) fn leader(&self) -> Option<ReplicaIndex> {
        let leads = |running: &&Running| running.replica.leads();
        let running = self.nodes.iter().filter_map(|node| node.running.as_ref()).filter(leads);
        running.max_by_key(|running| running.replica.view()).map(|running| running.replica.index())
    }

    /// Has something arrive at a replica that it must reject for a reason.
    pub(super) fn forge(&mut self, to: ReplicaIndex, reason: ByzantineReason) {
        if adversary::is_change(reason) {
            self.changes.push((to, reason));
            return;
        }
        let Some(target) = self.nodes[to].running.as_ref() else { return };
        let others = target.replica.configuration().members;
        let accomplice = others.iter().find(|from| *from != to && self.nodes[*from].running.is_some());
        match adversary::craft(reason, &target.replica, &self.scenario.tuning) {
            Craft::Say(message) => {
                let Some(from) = accomplice else { return };
                let Some(running) = self.nodes[from].running.as_mut() else { return };
                let envelope = running.replica.envelope(to, message);
                if let Some(frame) = self.nodes[from].keys.seal(&Parcel::Message(envelope)) {
                    // An old view is old whoever names it; the observer sees that by itself.
                    if reason != ByzantineReason::ViewRegression {
                        self.observer.forged(to, reason);
                    }
                    self.arrive(to, frame, false);
                }
            }
            Craft::Stranger(message) => {
                let version = self.nodes[to].version;
                let (from, sequence) = (STRANGER, 1);
                let envelope = Envelope { from, to, boot: 1, sequence, epoch: 0, version, message };
                if let Some(frame) = self.stranger.seal(&Parcel::Message(envelope)) {
                    self.arrive(to, frame, false);
                }
            }
            Craft::Repeat(kind) => {
                if let Some((_, frame)) = self.frames.get(&(to, kind)).cloned() {
                    self.arrive(to, frame, false);
                }
            }
            Craft::Unsigned => {
                let envelope = Envelope {
                    from: 0,
                    to,
                    boot: 1,
                    sequence: 1,
                    epoch: 0,
                    version: self.nodes[to].version,
                    message: Message::StartViewChange {
                        view: 1 << 40,
                        configuration: Configuration::default(),
                    },
                };
                if let Some(frame) = self.liar.seal(&Parcel::Message(envelope)) {
                    self.observer.forged(to, reason);
                    self.arrive(to, frame, false);
                }
            }
            Craft::Nonsense => {
                let Some(from) = accomplice else { return };
                if let Some(frame) = self.nodes[from].keys.nonsense(to) {
                    self.observer.forged(to, reason);
                    self.arrive(to, frame, false);
                }
            }
            Craft::Impossible => {}
        }
    }

    /// Nothing is broken any more.
    pub(super) fn end_faults(&mut self) {
        self.cuts.heal();
        self.weather = Weather::fair();
        self.changes.clear();
        self.clients.is_over = true;
        for index in 0..self.nodes.len() {
            self.nodes[index].disk = self.scenario.disk;
            self.nodes[index].mend();
            self.start(index);
        }
    }
}
