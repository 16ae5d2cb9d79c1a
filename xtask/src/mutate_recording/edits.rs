//! The edits: recordings that are missing, made twice, under another label, or in another place.

/// One edit of one file below `vsr-cluster/src`.
pub struct Edit {
    /// What is wrong with the recording then.
    pub name: &'static str,
    /// The file.
    pub path: &'static str,
    /// What stands there, exactly once.
    pub from: &'static str,
    /// What stands there instead.
    pub to: &'static str,
}

/// One row of the table below.
const fn edit(name: &'static str, path: &'static str, from: &'static str, to: &'static str) -> Edit {
    Edit { name, path, from, to }
}

/// All edits.
pub const EDITS: &[Edit] = &[
    edit(
        "prepare latency is missing",
        "replica/commit.rs",
        "self.metrics.record_prepare_latency(quorum_at.saturating_sub(prepared));",
        "",
    ),
    edit(
        "prepare latency is recorded without a Prepare",
        "replica/commit.rs",
        "flight.and_then(|flight| flight.prepared).filter(|_| !is_alone)",
        "flight.map(|flight| flight.prepared.unwrap_or(quorum_at))",
    ),
    edit(
        "client latency is missing",
        "replica/commit.rs",
        "self.metrics.record_client_latency(io.now().saturating_sub(requested));",
        "",
    ),
    edit(
        "client latency is recorded twice",
        "replica/commit.rs",
        "self.metrics.record_client_latency(io.now().saturating_sub(requested));",
        "self.metrics.record_client_latency(io.now().saturating_sub(requested));\
         self.metrics.record_client_latency(io.now().saturating_sub(requested));",
    ),
    edit(
        "operations are missing",
        "replica/commit.rs",
        "self.metrics.increment_operations(if outcome.is_ok() { Status::Success } else { Status::Failure });",
        "",
    ),
    edit(
        "refused operations count as successes",
        "replica/commit.rs",
        "if outcome.is_ok() { Status::Success } else { Status::Failure }",
        "Status::Success",
    ),
    edit(
        "commit number is missing",
        "replica/commit.rs",
        "self.metrics.set_commit_number(self.service.op());",
        "",
    ),
    edit(
        "active sessions are missing",
        "replica/commit.rs",
        "self.metrics.set_client_sessions_active(self.service.sessions().active());",
        "",
    ),
    edit("votes are missing", "replica/commit.rs", "self.metrics.set_prepare_ok_votes(votes as u64);", ""),
    edit(
        "votes leave the primary out",
        "replica/commit.rs",
        "self.metrics.set_prepare_ok_votes(votes as u64);",
        "self.metrics.set_prepare_ok_votes(votes.saturating_sub(1) as u64);",
    ),
    edit("commit latency is missing", "replica/normal.rs", "self.metrics.record_commit_latency(took);", ""),
    edit(
        "answered duplicates are missing",
        "replica/normal.rs",
        "self.metrics.increment_duplicate_requests();\n                return answer(outcome);",
        "return answer(outcome);",
    ),
    edit(
        "pending requests are missing",
        "replica/normal.rs",
        "self.metrics.set_pending_requests(pending as u64);",
        "",
    ),
    edit(
        "messages sent are missing",
        "replica/outbound.rs",
        "self.metrics.increment_messages_sent(kind);",
        "",
    ),
    edit(
        "messages sent are counted twice",
        "replica/outbound.rs",
        "self.metrics.increment_messages_sent(kind);",
        "self.metrics.increment_messages_sent(kind);\
         self.metrics.increment_messages_sent(kind);",
    ),
    edit(
        "messages received are missing",
        "replica/inbound.rs",
        "self.metrics.increment_messages_received(message.kind());",
        "",
    ),
    edit(
        "messages received count as sent",
        "replica/inbound.rs",
        "self.metrics.increment_messages_received(message.kind());",
        "self.metrics.increment_messages_sent(message.kind());",
    ),
    edit(
        "recovery latency is missing",
        "replica/recovery.rs",
        "self.metrics.record_recovery_latency(io.now().saturating_sub(since));",
        "",
    ),
    edit("status is missing", "replica.rs", "self.metrics.set_replica_status(self.status());", ""),
    edit(
        "quorum size is missing",
        "replica/reconfiguration.rs",
        "self.metrics.set_quorum_size(configuration.quorum_size() as u64);",
        "",
    ),
    edit(
        "quorum size is that of everyone",
        "replica/reconfiguration.rs",
        "self.metrics.set_quorum_size(configuration.quorum_size() as u64);",
        "self.metrics.set_quorum_size(configuration.members.len() as u64);",
    ),
    edit(
        "headers of segments are not counted as written",
        "storage/log.rs",
        "self.metrics.add_bytes_written(SEGMENT_HEADER as u64);",
        "",
    ),
    edit(
        "entries are not counted as written",
        "storage/log.rs",
        "self.metrics.add_bytes_written(length as u64);",
        "",
    ),
    edit(
        "bytes are counted before they are written",
        "storage/log.rs",
        "disk.write(name, offset, &bytes[..length])?;\n        self.metrics.add_bytes_written(length as u64);",
        "self.metrics.add_bytes_written(length as u64);\n        disk.write(name, offset, &bytes[..length])?;",
    ),
    edit(
        "repaired entries are not counted as written",
        "storage/log.rs",
        "self.metrics.add_bytes_written(ENTRY as u64);",
        "",
    ),
    edit(
        "damaged entries are not counted",
        "storage/log.rs",
        "self.metrics.increment_checksum_failures(ChecksumComponent::Log);\n                }",
        "}",
    ),
    edit(
        "damaged entries count as a superblock's",
        "storage/log.rs",
        "self.metrics.increment_checksum_failures(ChecksumComponent::Log);\n                }",
        "self.metrics.increment_checksum_failures(ChecksumComponent::Superblock);\n                }",
    ),
    edit(
        "entries of the log are counted from the beginning of time",
        "storage/log.rs",
        "self.metrics.set_log_entry_count(entries);",
        "self.metrics.set_log_entry_count(self.flushed);",
    ),
    edit(
        "the log's size leaves headers out",
        "storage/log.rs",
        "(self.segments.len() * SEGMENT_HEADER) as u64 + entries * ENTRY as u64",
        "entries * ENTRY as u64",
    ),
    edit(
        "a damaged header is not counted",
        "storage/log.rs",
        "    metrics.increment_checksum_failures(ChecksumComponent::Log);\n    disk.write(name, 0, &expected)?;",
        "    disk.write(name, 0, &expected)?;",
    ),
    edit(
        "a header written anew is not counted as written",
        "storage/log.rs",
        "metrics.add_bytes_written(expected.len() as u64);",
        "",
    ),
    edit(
        "a damaged checkpoint is not counted",
        "storage/checkpoint.rs",
        "metrics.increment_checksum_failures(ChecksumComponent::Checkpoint);",
        "",
    ),
    edit(
        "damaged copies of a superblock count as one",
        "storage/superblock.rs",
        "for _ in 0..damaged {",
        "if damaged > 0 {",
    ),
    edit(
        "damaged frames are not counted",
        "wire.rs",
        "metrics.increment_checksum_failures(ChecksumComponent::Frame);",
        "",
    ),
    edit(
        "forged frames count as damaged",
        "wire.rs",
        "if opened == Err(WireFault::Damaged) {",
        "if opened.is_err() {",
    ),
    edit(
        "view changes are missing",
        "replica/view_change.rs",
        "self.metrics.increment_view_changes(reason);",
        "",
    ),
    edit(
        "a primary that is replaced has others change the view unseen",
        "replica/reconfiguration.rs",
        "self.metrics.increment_view_changes(ViewChangeReason::PrimaryAbdicate);",
        "",
    ),
    edit(
        "view change latency is missing",
        "replica/view_change.rs",
        "self.metrics.record_view_change_latency(io.now().saturating_sub(since));",
        "",
    ),
    edit(
        "rejections are missing",
        "replica/inbound.rs",
        "self.metrics.increment_byzantine_rejections(reason);",
        "",
    ),
    edit(
        "forged frames are rejected for another reason",
        "replica/inbound.rs",
        "WireFault::Forged => self.reject(ByzantineReason::SignatureVerificationFailed)",
        "WireFault::Forged => self.reject(ByzantineReason::UnknownSender)",
    ),
    edit("repairs are missing", "replica/repair.rs", "self.metrics.increment_repairs(Status::Success);", ""),
    edit(
        "repair latency is missing",
        "replica/repair.rs",
        "self.metrics.record_repair_latency(now.saturating_sub(began));",
        "",
    ),
    edit(
        "scrub tours are missing",
        "replica/scrub.rs",
        "self.metrics.increment_scrub_tours_completed();",
        "",
    ),
    edit(
        "corruptions are missing",
        "replica/scrub.rs",
        "self.metrics.increment_scrub_corruptions_detected();",
        "",
    ),
    edit(
        "evicted sessions are missing",
        "replica/commit.rs",
        "self.metrics.increment_client_sessions_evicted();",
        "",
    ),
    edit(
        "reconfigurations are missing",
        "replica/reconfiguration.rs",
        "self.metrics.increment_reconfig_transitions();",
        "",
    ),
    edit(
        "promotions are missing",
        "replica/reconfiguration.rs",
        "self.metrics.increment_standby_promotions();",
        "",
    ),
    edit(
        "state transfer latency is missing",
        "replica/state_transfer.rs",
        "self.metrics.record_state_transfer_latency(now.saturating_sub(since));",
        "",
    ),
    edit("clock samples are missing", "replica/heartbeat.rs", "self.metrics.increment_clock_samples();", ""),
    edit(
        "standbys are told of by one that leads no more",
        "replica/standby.rs",
        "if !self.leads() {\n            // What was just taken in ended its lead.\n            return;\n        }",
        "",
    ),
    edit(
        "a former primary goes on telling of standbys",
        "replica/normal.rs",
        "self.forget_standbys(self.configuration.standbys);",
        "",
    ),
    edit(
        "commits are told when they are decided upon, not when they leave",
        "replica/commit.rs",
        "self.leader.unannounced.push_back(Unannounced { op: entry.op, prepared, quorum_at });",
        "self.leader.unannounced.push_back(Unannounced { op: entry.op, prepared, quorum_at });\
         self.announced(entry.op, io);",
    ),
    edit(
        "scrub throughput is that of one read",
        "replica/scrub.rs",
        "Duration::from_secs(tour.entries)",
        "Duration::from_secs(slots.len() as u64)",
    ),
    edit(
        "the lag stays what it was before a state was taken over",
        "replica/state_transfer.rs",
        "        self.report_lag();\n",
        "",
    ),
    edit(
        "credits of repairs are missing",
        "replica/repair.rs",
        "self.metrics.set_repair_budget_available(self.budget.available());",
        "",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    #[test]
    fn each_edit_finds_its_place_exactly_once() {
        for Edit { name, path, from, to } in EDITS {
            let path = workspace::root().join("vsr-cluster/src").join(path);
            let text = std::fs::read_to_string(&path).expect("a file of the cluster");
            assert_eq!(text.matches(from).count(), 1, "{name}: {}", path.display());
            assert_ne!(from, to, "{name}");
        }
    }
}
