//! Plays in which one host is slow just where others must wait for it.

use crate::play::Play;
use crate::site::Site;

fn ends_alike(hosts: usize, playbook: &str, files: &[(&str, &str)]) -> anyhow::Result<()> {
    let files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    let play = Play { hosts, playbook: playbook.to_owned(), files: files.collect() };
    Site::new()?.compare(&play)
}

/// What the last task of an included file does to another host is done before any begins the next
/// round.
#[test]
fn hosts_wait_between_the_rounds_of_an_include() {
    let playbook = "
- hosts: all
  gather_facts: false
  tasks:
    - include_tasks: round.yml
      loop: [x, y]
      loop_control: {loop_var: round}
";
    let round = "
- shell: echo {{ round }} >> {{ home }}/trace
- shell: sleep 0.{{ 3 if inventory_hostname == 'h3' else 0 }}; echo {{ inventory_hostname }} >> {{ root }}/h2/trace
  delegate_to: h2
  throttle: 1
";
    ends_alike(3, playbook, &[("round.yml", round)]).unwrap();
}

/// So is what the last task of a file that an included file includes does.
#[test]
fn hosts_wait_behind_an_include_at_the_end_of_another() {
    let playbook = "
- hosts: all
  gather_facts: false
  tasks:
    - include_tasks: outer.yml
    - shell: echo behind >> {{ home }}/trace
";
    let outer = "
- shell: echo outer >> {{ home }}/trace
- include_tasks: inner.yml
";
    let inner = "
- shell: sleep 0.{{ 3 if inventory_hostname == 'h3' else 0 }}; echo {{ inventory_hostname }} >> {{ root }}/h2/trace
  delegate_to: h2
  throttle: 1
";
    ends_alike(3, playbook, &[("outer.yml", outer), ("inner.yml", inner)]).unwrap();
}

/// A result that others read in one round is not that of the next; hosts go past the rescue part
/// that waits for the readers.
#[test]
fn a_round_does_not_set_anew_what_others_read_in_the_one_before() {
    let playbook = "
- hosts: all
  gather_facts: false
  tasks:
    - include_tasks: round.yml
      loop: [x, y]
      loop_control: {loop_var: round}
";
    let round = "
- block:
    - command: echo {{ round }}
      register: r1
    - shell: sleep 0.{{ 3 if inventory_hostname == 'h2' else 0 }}
    - template: {src: all.j2, dest: \"{{ home }}/all-{{ round }}\", mode: '0644'}
  rescue:
    - set_fact: {v1: rescued}
";
    ends_alike(2, playbook, &[("round.yml", round)]).unwrap();
}

/// All hosts at a task see the same hosts left, also those that come to it when another has failed
/// there.
#[test]
fn who_is_left_is_the_same_for_all_hosts_at_a_task() {
    let playbook = "
- hosts: all
  gather_facts: false
  tasks:
    - shell: echo {{ ansible_play_hosts | join(' ') }}; exit {{ 1 if inventory_hostname == 'h1' else 0 }}
      throttle: 1
    - shell: echo {{ ansible_play_hosts | join(' ') }}
";
    let play = Play { hosts: 3, playbook: playbook.to_owned(), files: Vec::new() };
    for strategy in ["linear", "dag"] {
        let site = Site::new().unwrap();
        site.played(&play, &["--strategy", strategy]).unwrap();
        let told = site.told();
        let said = |words: &str| told.matches(&format!("\"stdout\":\"{words}\"")).count();
        // the first is that of the host which failed
        assert_eq!((said("h1 h2 h3"), said("h2 h3")), (3, 2), "{strategy}\n{told}");
    }
}
