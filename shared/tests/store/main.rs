//! What a store must do, on a real server and on a real cluster, and what it does when these fail.
//!
//! Each rule is a function that takes a store of its own. All of them run on one node one by one, and in a row on a cluster with replicas, a password
//! and TLS, and for a user who may not do more than a store needs.

#[cfg(test)]
mod cluster;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod conversations;
#[cfg(test)]
mod dying;
#[cfg(test)]
mod events;
#[cfg(test)]
mod failover;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod inboxes;
#[cfg(test)]
mod loss;
#[cfg(test)]
mod model;
#[cfg(test)]
mod relay;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod support;

/// Names every rule once, and makes of each a test on one node, and of all of them a function.
#[cfg(test)]
macro_rules! rules {
    ($($module:ident::$rule:ident),+ $(,)?) => {
        mod one_node {
            use crate::support::{Address, World, server};
            $(
                #[tokio::test]
                async fn $rule() {
                    let server = server();
                    crate::$module::$rule(World::new(&Address::of(&server)).await).await;
                }
            )+
        }

        async fn every_rule_holds(world: impl AsyncFn() -> support::World) {
            $(
                println!("{}", stringify!($rule));
                crate::$module::$rule(world().await).await;
            )+
        }
    };
}

#[cfg(test)]
mod everything {
    use crate::cluster::Cluster;
    use crate::every_rule_holds;
    use crate::support::World;

    #[tokio::test]
    async fn holds_on_a_cluster_with_a_password_and_tls() {
        let cluster = Cluster::whole().await;
        let address = cluster.address(&[0]);
        every_rule_holds(async || World::new(&address).await).await;
        for master in 0..3 {
            assert!(cluster.nodes[master].relay.heard() > 0, "master {master} was asked");
        }
    }
}

#[cfg(test)]
rules! {
    conversations::positions_are_given_in_order_and_time_never_goes_back,
    conversations::every_window_shows_what_a_list_would,
    conversations::only_the_author_edits,
    conversations::an_edit_changes_what_it_names,
    conversations::the_other_side_marks_seen,
    conversations::a_deletion_can_be_repeated,
    conversations::many_at_once_get_a_position_each,
    inboxes::the_order_and_the_repetition_of_notices_do_not_matter,
    inboxes::unread_is_exact,
    inboxes::a_flood_of_deleted_messages_stays_small,
    inboxes::a_message_that_was_cut_off_is_never_unread_to_its_author,
    inboxes::the_newest_activity_comes_first,
    events::a_log_is_read_from_any_of_its_cursors,
    events::a_cursor_that_the_log_does_not_reach_is_told,
    events::every_change_is_in_the_log_once,
    events::what_a_dead_writer_left_out_comes_with_the_next_change,
    events::a_log_that_misses_too_much_breaks,
    events::unread_is_exact_after_a_break,
    events::a_retry_key_sends_once_and_completes_what_was_cut_off,
    events::a_conversation_that_was_set_back_goes_on,
    connections::a_connection_is_known_until_it_is_closed,
    connections::what_has_expired_is_forgotten_in_passing,
    connections::a_young_connection_is_told_from_an_old_one,
    connections::no_user_has_connections_without_end,
    connections::sites_never_see_each_other,
}
