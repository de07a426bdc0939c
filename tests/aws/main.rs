//! What AWS would make of the templates, and what can be tried of it on this machine.
//!
//! The expansion is what the transform makes of the template at a deployment, made here without a network. These tests need what
//! `.ci/sam-setup` installs; where it isn't there they say SKIPPED and why, and in CI they fail.
//!
//! The JavaScript client's own suite is here too, because it also needs tools that cargo does not bring: Node, and what npm installs.

#[cfg(test)]
mod account;
#[cfg(test)]
mod alarms;
#[cfg(test)]
mod built;
#[cfg(test)]
mod data;
#[cfg(test)]
mod deploy;
#[cfg(test)]
mod deploy_role;
#[cfg(test)]
mod domains;
#[cfg(test)]
mod hook;
#[cfg(test)]
mod javascript;
#[cfg(test)]
mod lint;
#[cfg(test)]
mod parameters;
#[cfg(test)]
mod permissions;
#[cfg(test)]
mod queue;
#[cfg(test)]
mod release;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod sam_local;
#[cfg(test)]
mod sam_logs;
#[cfg(test)]
mod support;
#[cfg(test)]
mod teardown;
#[cfg(test)]
mod webhook;
