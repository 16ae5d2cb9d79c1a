//! The client table (section 4, figure 2 of the paper): for each client its latest request, and the reply to it
//! once there is one. It makes a repeated request harmless.

use std::collections::HashMap;

use crate::message::{ClientId, Reply, RequestNumber};

/// The latest request of each client.
#[derive(Clone, Debug, Default)]
pub struct ClientTable(HashMap<ClientId, Latest>);

/// What a request is to the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Novelty {
    /// Later than anything of its client.
    New,
    /// The latest one again, still under way.
    UnderWay,
    /// The latest one again, answered already.
    Answered(Reply),
    /// Older than the latest.
    Stale,
}

#[derive(Clone, Copy, Debug)]
struct Latest {
    number: RequestNumber,
    reply: Option<Reply>,
}

impl ClientTable {
    /// What a client's request is: new, or a duplicate of some kind.
    pub fn judge(&self, client: ClientId, number: RequestNumber) -> Novelty {
        match self.0.get(&client) {
            Some(latest) if number < latest.number => Novelty::Stale,
            Some(latest) if number == latest.number => {
                latest.reply.map_or(Novelty::UnderWay, Novelty::Answered)
            }
            _ => Novelty::New,
        }
    }

    /// Notes that a request is under way.
    pub fn begin(&mut self, client: ClientId, number: RequestNumber) {
        self.0.insert(client, Latest { number, reply: None });
    }

    /// Notes the reply. A later request that is under way already stays.
    pub fn finish(&mut self, reply: Reply) {
        let latest = self.0.entry(reply.client).or_insert(Latest { number: reply.number, reply: None });
        if latest.number <= reply.number {
            *latest = Latest { number: reply.number, reply: Some(reply) };
        }
    }

    /// How many clients are known.
    pub fn sessions(&self) -> u64 {
        self.0.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_new_once() {
        let mut table = ClientTable::default();
        let reply = Reply { view: 0, client: 1, number: 5, outcome: Ok(None) };
        assert_eq!(table.judge(1, 5), Novelty::New);
        table.begin(1, 5);
        assert_eq!(table.judge(1, 5), Novelty::UnderWay);
        table.finish(reply);
        assert_eq!(table.judge(1, 5), Novelty::Answered(reply));
        assert_eq!(table.judge(1, 4), Novelty::Stale);
        assert_eq!(table.judge(1, 6), Novelty::New);
        assert_eq!(table.judge(2, 5), Novelty::New);
        assert_eq!(table.sessions(), 1);
    }

    #[test]
    fn an_old_reply_does_not_hide_a_later_request() {
        let mut table = ClientTable::default();
        table.begin(1, 6);
        table.finish(Reply { view: 0, client: 1, number: 5, outcome: Ok(None) });
        assert_eq!(table.judge(1, 6), Novelty::UnderWay);
    }
}
