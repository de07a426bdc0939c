//! The template: what the stack reads from it, and what it refuses.

use crate::requirement::Requirement;

pub(crate) fn requirements() -> Vec<Requirement> {
    Vec::new()
}
