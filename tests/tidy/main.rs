//! House rules that the compiler does not check.

#[cfg(test)]
mod circles;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod descriptions;
#[cfg(test)]
mod figures;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod support;
#[cfg(test)]
mod texts;
#[cfg(test)]
mod wiring;
