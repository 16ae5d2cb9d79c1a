//! Options of one replica.

use std::net::SocketAddr;

use lexopt::prelude::*;

use super::{Command, UsageError, address, count, read, replicas, statsd, within};
use crate::cluster::MAX_REPLICAS;
use crate::limits::Limits;
use crate::push::Receivers;
use crate::solo::SoloOptions;
use crate::storage::Durability;

/// Reads them.
pub(super) fn replica(mut arguments: lexopt::Parser) -> Result<Command, UsageError> {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let (mut index, mut peers, mut at, mut data, mut secret) = (None, None, None, None, None);
    let (mut members, mut standbys, mut listen, mut durability) = (3, 0, loopback, Durability::default());
    let mut limits = Limits::default();
    let mut receivers = Receivers::default();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("index") => index = Some(count(&mut arguments, "--index", 0, MAX_REPLICAS - 1)?),
            Long("replicas") => members = replicas(&mut arguments)?,
            Long("standbys") => standbys = count(&mut arguments, "--standbys", 0, 6)?,
            Long("peers") => {
                let expected = "addresses separated by commas";
                let read = read(&arguments.value()?, "--peers", expected, |text| {
                    text.split(',').map(|peer| peer.parse().ok()).collect::<Option<Vec<SocketAddr>>>()
                })?;
                peers = Some(read);
            }
            Long("at") => at = Some(address(&mut arguments, "--at")?),
            Long("listen") => listen = address(&mut arguments, "--listen")?,
            Long("data") => data = Some(arguments.value()?.into()),
            Long("secret") => secret = Some(arguments.value()?.into()),
            Long("statsd") => receivers.statsd = Some(statsd(&mut arguments)?),
            Long("otlp") => receivers.otlp = Some(arguments.value()?.string()?),
            Long("checkpoint-every") => {
                limits.checkpoint_every = limit(&mut arguments, "--checkpoint-every")?;
            }
            Long("sessions") => limits.sessions = limit(&mut arguments, "--sessions")?,
            Long("fsync") => durability = Durability::Sync,
            Short('h') | Long("help") => return Ok(Command::Help),
            other => return Err(other.unexpected().into()),
        }
    }
    let missing = |option: &str| UsageError(format!("`replica` needs `{option}`"));
    let index = index.ok_or_else(|| missing("--index"))?;
    let all = members + standbys;
    if index >= all {
        let message =
            format!("`--index` expects 0 to {}, as there are {all} replicas, not `{index}`", all - 1);
        return Err(UsageError(message));
    }
    if let Some(peers) = peers.as_ref().filter(|peers| peers.len() != all) {
        let found = peers.len();
        let message = format!("`--peers` expects the addresses of all {all} replicas, not of `{found}`");
        return Err(UsageError(message));
    }
    let own = peers.as_ref().and_then(|peers| peers.get(index).copied());
    Ok(Command::Replica(SoloOptions {
        index,
        replicas: members,
        standbys,
        at: at.or(own).unwrap_or(loopback),
        listen,
        peers,
        data: data.ok_or_else(|| missing("--data"))?,
        secret: secret.ok_or_else(|| missing("--secret"))?,
        durability,
        limits,
        receivers,
    }))
}

fn limit(arguments: &mut lexopt::Parser, option: &str) -> Result<u64, UsageError> {
    read(&arguments.value()?, option, "1 to 1000000", |text| within(text, 1_000_000))
}
