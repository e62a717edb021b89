//! Looks for bytes of which what must hold of this kind of input does not.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (kizuna_tests::hostile::target("hubspot").take)(bytes));
