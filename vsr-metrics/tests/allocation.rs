//! Recording allocates nothing, once a thread has its shard.

mod counting;

use counting::so_far;
use vsr_metrics::Snapshot;
use vsr_metrics::descriptor::{CatalogDescriptor, Descriptor, Instrument};
use vsr_metrics::storage::{GRID, Gauges, Gridded, PADDING, Sharded};
use vsr_metrics::timer::Timer;

static BOUNDS: [u64; 2] = [10, 20];
static GRIDDED: Gridded<2> = Gridded::new([10, 20], 1);
static CATALOG: CatalogDescriptor = CatalogDescriptor {
    name: "test",
    prefix: "test_",
    version: "1.0.0",
    constant_labels: &[],
    families: &[
        Descriptor {
            name: "test_events_total",
            help: "Events.",
            unit: "",
            group: "test",
            owner: "",
            stable: true,
            labels: &[],
            instrument: Instrument::Counter,
            aggregate: None,
            scale: 1,
            first: 0,
        },
        Descriptor {
            name: "test_size",
            help: "Sizes.",
            unit: "",
            group: "test",
            owner: "",
            stable: true,
            labels: &[],
            instrument: Instrument::Histogram { bounds: &BOUNDS, bound_names: &["10", "20"], grid: None },
            aggregate: None,
            scale: 1,
            first: 1,
        },
    ],
};

fn allocations(of: impl FnOnce()) -> u64 {
    let before = so_far();
    of();
    so_far() - before
}

fn record(cells: &Sharded<{ PADDING + 9 + GRID + PADDING }>, gauges: &Gauges<1>) {
    for value in 0..1_000 {
        cells.add(0, 1);
        cells.observe(1, &BOUNDS, value % 30);
        gauges.set(0, value);
        gauges.add(0, 1);
        drop(Timer::start(cells, 1, &BOUNDS));
        drop(Timer::start(cells, 5, &GRIDDED));
        cells.observe(5, &GRIDDED, value << 30);
    }
}

#[test]
fn recording_and_a_repeated_snapshot_allocate_nothing() {
    static CELLS: Sharded<{ PADDING + 9 + GRID + PADDING }> = Sharded::new();
    static GAUGES: Gauges<1> = Gauges::new();

    assert!(allocations(|| record(&CELLS, &GAUGES)) > 0, "the counter counts: the shard was built");
    assert_eq!(allocations(|| record(&CELLS, &GAUGES)), 0);

    let mut snapshot = Snapshot::new();
    let mut collect = || {
        snapshot.clear();
        snapshot.record_instance(&CATALOG, &[], &CELLS, &GAUGES);
    };
    // The first builds the snapshot's memory, the second the list that keeps it between two.
    collect();
    collect();
    assert_eq!(allocations(collect), 0);
}
