//! The specification's tables, and how pauses spread.

use super::*;

#[test]
fn every_status_means_what_the_specification_says() {
    for status in 100..=599 {
        let expected = match status {
            200..=299 => Verdict::Accepted,
            429 | 503 => Verdict::Again { maybe_delivered: false },
            502 | 504 => Verdict::Again { maybe_delivered: true },
            413 => Verdict::TooLarge,
            _ => Verdict::Refused,
        };
        assert_eq!(http(status), expected, "{status}");
    }
}

#[test]
fn retry_after_in_every_form() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let ten_later = httpdate::fmt_http_date(now + Duration::from_secs(10));
    let past = httpdate::fmt_http_date(now - Duration::from_secs(10));
    for (value, expected) in [
        ("0", Some(0)),
        ("7", Some(7)),
        (" 7 ", Some(7)),
        ("1000000000000", Some(1_000_000_000_000)),
        ("99999999999999999999999", Some(u64::MAX)),
        (&ten_later, Some(10)),
        (&past, None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
    ] {
        assert_eq!(retry_after(value, now), expected.map(Duration::from_secs), "{value}");
    }
}

fn pauses(seed: u64) -> Pauses {
    Pauses::new(BackOff::default(), Random::seeded(seed))
}

#[test]
fn pauses_double_within_half_up_to_the_longest() {
    for seed in 0..200 {
        let mut pauses = pauses(seed);
        for expected in [0.5, 1.0, 2.0, 4.0, 5.0, 5.0] {
            let pause = pauses.next(None).as_secs_f64();
            assert!(
                (expected * 0.5..=expected * 1.5).contains(&pause),
                "seed {seed}: {pause} for {expected}"
            );
        }
        pauses.reset();
        assert!(pauses.next(None) <= Duration::from_millis(750));
    }
}

#[test]
fn pauses_beyond_all_measure_are_no_panic() {
    let limits = BackOff { first: Duration::MAX, longest: Duration::MAX, ..BackOff::default() };
    let mut pauses = Pauses::new(limits, Random::seeded(1));
    for asked in [None, Some(Duration::MAX), None] {
        assert!(pauses.next(asked) > Duration::from_secs(1 << 60));
    }
}

#[test]
fn two_processes_are_not_in_phase() {
    let mut pauses: Vec<_> = (0..1_000).map(|seed| pauses(seed).next(None)).collect();
    pauses.sort_unstable();
    pauses.dedup();
    assert!(pauses.len() > 990, "{} of 1000 pauses differ", pauses.len());
    let mean = pauses.iter().sum::<Duration>() / u32::try_from(pauses.len()).unwrap();
    assert!((Duration::from_millis(475)..Duration::from_millis(525)).contains(&mean), "{mean:?}");
    // Those who were asked for the same pause at once don't come back at once either.
    let asked = |seed| self::pauses(seed).next(Some(Duration::from_secs(3)));
    assert_ne!(asked(1), asked(2));
}

#[test]
fn a_pause_that_was_asked_for_is_kept_within_reason_and_gone_on_from() {
    let seconds = Duration::from_secs;
    for seed in 0..100 {
        let mut pauses = pauses(seed);
        let pause = pauses.next(Some(seconds(3)));
        assert!((seconds(3)..seconds(4)).contains(&pause), "{pause:?}");
        // It goes on from there: twice of it would be 6 s, and 5 s are the longest.
        assert!(pauses.next(None) >= Duration::from_millis(2_500));
        assert_eq!(pauses.next(Some(seconds(1_000_000_000_000))), seconds(30));
        assert_eq!(pauses.next(Some(Duration::MAX)), seconds(30));
    }
}

#[test]
fn two_sources_of_chance_differ() {
    assert_ne!(Random::new().number(), Random::new().number());
}
