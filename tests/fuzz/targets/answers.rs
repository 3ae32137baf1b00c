//! `answers` of `bear-fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| bear_fuzz::target("answers").check(input));
