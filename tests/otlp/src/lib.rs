//! Tests of OTLP, and nothing else: see `tests/`.
