//! Every way in which a datagram can fail, and what the receiver has counted in the end.

use std::collections::BTreeMap;

use super::*;
use crate::encode::statsd::Dialect;
use crate::health::{Exporter, Metrics, Outcome};

/// A network that fails as it is told to, and counts what arrives.
#[derive(Default)]
struct Network {
    /// What becomes of the next datagrams; without an entry they arrive.
    fates: VecDeque<Fate>,
    refusal: Option<io::Error>,
    counted: BTreeMap<String, u64>,
    attempts: usize,
}

enum Fate {
    Arrives,
    /// Accepted, and refused a moment later.
    Refused,
    Error(io::Error),
}

impl Wire for Network {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        self.attempts += 1;
        match self.fates.pop_front() {
            Some(Fate::Error(error)) => return Err(error),
            Some(Fate::Refused) => {
                self.refusal = Some(io::ErrorKind::ConnectionRefused.into());
                return Ok(());
            }
            Some(Fate::Arrives) | None => {}
        }
        for line in std::str::from_utf8(datagram).expect("ASCII").lines() {
            let counter =
                line.split_once(':').and_then(|(name, rest)| Some((name, rest.strip_suffix("|c")?)));
            if let Some((name, value)) = counter {
                *self.counted.entry(name.to_owned()).or_default() += value.parse::<u64>().expect("a number");
            }
        }
        Ok(())
    }

    fn refusal(&mut self) -> Option<io::Error> {
        self.refusal.take()
    }

    fn tells_late(&self) -> bool {
        true
    }
}

fn error(number: i32) -> Fate {
    Fate::Error(io::Error::from_raw_os_error(number))
}

/// Counts in every series, so that an emit takes several small datagrams. Returns how much.
fn record(metrics: &Metrics) -> u64 {
    let mut recorded = 0;
    for exporter in Exporter::ALL {
        for outcome in Outcome::ALL {
            metrics.add_exports(exporter, outcome, 3);
            recorded += 3;
        }
        metrics.add_dropped_points(exporter, 5);
        recorded += 5;
    }
    recorded
}

fn total(counted: &BTreeMap<String, u64>) -> u64 {
    counted.values().sum()
}

/// As the sender does it: what waits, then what happened since. Ends with the first failure.
fn emit(delivery: &mut Delivery, metrics: &Metrics, network: &mut Network) -> Result<(), io::ErrorKind> {
    for fresh in [false, true] {
        if fresh {
            delivery.refill(metrics);
        }
        loop {
            match delivery.step(network) {
                Step::Empty => break,
                Step::Sent(_) | Step::Split(_) => {}
                Step::Full => return Err(io::ErrorKind::WouldBlock),
                Step::Failed(error) => return Err(error.kind()),
            }
        }
    }
    Ok(())
}

fn delivery() -> Delivery {
    // With names so long, each datagram holds a line.
    let encoder = Encoder::new(Dialect::Plain).packet_size(512).prefix(&"p".repeat(400));
    Delivery::new(encoder.expect("short enough"))
}

/// Whatever fails, at whichever datagram: the sum of the increments is the counter in the end.
#[test]
fn a_send_that_fails_loses_and_doubles_nothing() {
    type Make = fn() -> Fate;
    let fates: [(&str, Make); 6] = [
        ("refused late", || Fate::Refused),
        ("buffer full", || Fate::Error(io::ErrorKind::WouldBlock.into())),
        ("no buffers", || error(105)),
        ("network unreachable", || error(101)),
        ("no permission", || error(1)),
        ("interrupted", || Fate::Error(io::ErrorKind::Interrupted.into())),
    ];
    for (name, fate) in fates {
        for at in 0..6 {
            let (metrics, mut network, mut delivery) = (Metrics::new(), Network::default(), delivery());
            let mut recorded = record(&metrics);
            network.fates.extend((0..at).map(|_| Fate::Arrives));
            network.fates.push_back(fate());
            assert!(emit(&mut delivery, &metrics, &mut network).is_err(), "{name} at {at}");
            assert_eq!(network.attempts, at + 1, "{name} at {at}: the rest waits");
            // Another emit while nothing gets through.
            recorded += record(&metrics);
            network.fates.push_front(fate());
            assert!(emit(&mut delivery, &metrics, &mut network).is_err(), "{name} at {at}");
            recorded += record(&metrics);
            assert_eq!(emit(&mut delivery, &metrics, &mut network), Ok(()), "{name} at {at}");
            assert_eq!(total(&network.counted), recorded, "{name} at {at}");
        }
    }
}

/// The error that a send returns may be about the datagram before it, which then has not arrived.
#[test]
fn a_refusal_that_the_next_send_reports() {
    let (metrics, mut delivery) = (Metrics::new(), delivery());
    let recorded = record(&metrics);
    let mut network = Network { fates: [Fate::Refused].into(), ..Network::default() };
    delivery.refill(&metrics);
    // The refusal is under way while the datagram is checked.
    let under_way = |network: &mut Network| network.refusal.take();
    let packet = delivery.waiting.front().cloned();
    network.send(packet.as_ref().map_or(&[], Packet::bytes)).expect("it is accepted");
    let late = under_way(&mut network).expect("refused");
    delivery.last = delivery.waiting.pop_front();
    network.fates.push_back(Fate::Error(late));
    assert!(matches!(delivery.step(&mut network), Step::Failed(_)));
    assert_eq!(delivery.waiting.front(), packet.as_ref(), "the first is to be sent again, before the second");
    assert_eq!(emit(&mut delivery, &metrics, &mut network), Ok(()));
    assert_eq!(total(&network.counted), recorded);
}

#[test]
fn the_last_datagram_is_refused_between_two_emits() {
    let (metrics, mut delivery, mut network) = (Metrics::new(), delivery(), Network::default());
    metrics.add_dropped_points(Exporter::Statsd, 5);
    delivery.refill(&metrics);
    let Some(packet) = delivery.waiting.pop_front() else { panic!("there is one") };
    delivery.last = Some(packet);
    network.refusal = Some(io::ErrorKind::ConnectionRefused.into());
    assert!(emit(&mut delivery, &metrics, &mut network).is_err());
    assert_eq!(emit(&mut delivery, &metrics, &mut network), Ok(()));
    assert_eq!(total(&network.counted), 5);
}

#[test]
fn a_datagram_too_large_for_the_way_goes_as_two() {
    let (metrics, mut network, delivery) = (Metrics::new(), Network::default(), delivery());
    let recorded = record(&metrics);
    let encoder = Encoder::new(Dialect::Plain);
    let mut delivery = Delivery { encoder, ..delivery };
    delivery.refill(&metrics);
    let whole = delivery.waiting();
    network.fates.extend([error(90), error(90), Fate::Arrives]);
    assert_eq!(emit(&mut delivery, &metrics, &mut network), Ok(()));
    assert_eq!(network.attempts, whole + 4, "twice in vain, and each time one more to send");
    assert_eq!(total(&network.counted), recorded);
}

#[test]
fn a_line_too_large_for_the_way_is_given_up_and_the_rest_goes_on() {
    let (metrics, mut network, mut delivery) = (Metrics::new(), Network::default(), delivery());
    metrics.add_dropped_points(Exporter::Statsd, 5);
    delivery.refill(&metrics);
    network.fates.push_back(error(90));
    assert!(matches!(delivery.step(&mut network), Step::Split(1)));
    metrics.add_dropped_points(Exporter::Statsd, 2);
    assert_eq!(emit(&mut delivery, &metrics, &mut network), Ok(()));
    assert_eq!(total(&network.counted), 2, "and is not tried for ever");
}

/// However long nobody listens: what waits is one emit, and stays that.
#[test]
fn an_outage_takes_no_more_memory_than_one_emit() {
    let (metrics, mut network, mut delivery) = (Metrics::new(), Network::default(), delivery());
    let mut recorded = record(&metrics);
    delivery.refill(&metrics);
    let size = delivery.waiting();
    for _ in 0..1_000 {
        recorded += record(&metrics);
        network.fates.push_back(error(101));
        assert!(emit(&mut delivery, &metrics, &mut network).is_err());
        assert_eq!(delivery.waiting(), size);
    }
    assert_eq!(emit(&mut delivery, &metrics, &mut network), Ok(()));
    assert_eq!(total(&network.counted), recorded);
}
