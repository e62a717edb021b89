//! Tests of Kizuna as a whole.
//!
//! | Test program | Proves |
//! | --- | --- |
//! | `tidy` | the architecture rules that no lint can keep: who depends on whom, what documents name, what a file looks like |
//! | `simulation` | the projector keeps its promises under every fault that a seed can bring, and the checker would notice |
//! | `hostile` | whatever bytes come from outside, what must hold of each kind of input holds |

pub mod bench;
pub mod checker;
pub mod hostile;
pub mod simulation;
