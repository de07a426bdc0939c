//! What is known after frames and answers in any order.

use super::*;
