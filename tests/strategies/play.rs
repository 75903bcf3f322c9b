//! Random plays: what couples hosts, what fails, what reads results, in any order.

use std::fmt::Write as _;

use crate::random::Random;

/// A playbook with its files.
pub(crate) struct Play {
    pub(crate) hosts: usize,
    pub(crate) playbook: String,
    pub(crate) files: Vec<(String, String)>,
}

/// The play of a number.
pub(crate) fn random(seed: u64) -> Play {
    let mut random = Random::new(seed);
    let hosts = random.pick(&[1, 1, 2, 2, 3, 3]);
    let mut writer = Writer::new(random, hosts);
    let mut playbook = String::new();
    writer.play(&mut playbook, "Random", "all");
    writer.rest(&mut playbook);
    Play { hosts, playbook, files: writer.files }
}

/// Two plays on hosts of their own, neither of which has to do with those of the other.
pub(crate) fn pair(seed: u64) -> Play {
    let mut random = Random::new(seed);
    let (one, two) = (random.pick(&[1, 2]), random.pick(&[1, 2]));
    let mut writer = Writer { keeps_to_itself: true, ..Writer::new(random, one) };
    let mut text = String::new();
    writer.play(&mut text, "One", &pattern(1, one));
    writer = Writer {
        first: 1 + one,
        keeps_to_itself: true,
        count: 50,
        files: writer.files,
        registers: writer.registers,
        facts: writer.facts,
        ..Writer::new(writer.random, two)
    };
    writer.play(&mut text, "Two", &pattern(1 + one, two));
    writer.rest(&mut text);
    Play { hosts: one + two, playbook: text, files: writer.files }
}

fn pattern(first: usize, count: usize) -> String {
    (first..first + count).map(|host| format!("h{host}")).collect::<Vec<_>>().join(":")
}

struct Writer {
    random: Random,
    /// The number of its first host.
    first: usize,
    hosts: usize,
    keeps_to_itself: bool,
    count: usize,
    registers: Vec<String>,
    facts: Vec<String>,
    files: Vec<(String, String)>,
    handlers: usize,
}

impl Writer {
    fn new(random: Random, hosts: usize) -> Self {
        Self {
            random,
            first: 1,
            hosts,
            keeps_to_itself: false,
            count: 0,
            registers: Vec::new(),
            facts: Vec::new(),
            files: Vec::new(),
            handlers: 0,
        }
    }

    fn play(&mut self, text: &mut String, name: &str, hosts: &str) {
        self.handlers = self.random.below(3);
        let _ = writeln!(text, "- name: {name}\n  hosts: {hosts}\n  gather_facts: false");
        text.push_str("  vars:\n    peer: \"{{ hostvars['h1'].v1 | default('none') }}\"\n    far: \"{{ peer }}!\"\n    own: \"{{ v1 | default('mine') }}\"\n");
        for (share, line) in [
            (3, "any_errors_fatal: true"),
            (3, "max_fail_percentage: 40"),
            (6, "serial: 1"),
            (8, "force_handlers: true"),
            (5, "ignore_errors: true"),
        ] {
            if self.random.percent(share) {
                let _ = writeln!(text, "  {line}");
            }
        }
        text.push_str("  tasks:\n");
        let count = 3 + self.random.below(12);
        for _ in 0..count {
            self.entry(text, 4, 0);
        }
        if self.handlers > 0 {
            text.push_str("  handlers:\n");
            for handler in 0..self.handlers {
                let run_once = if self.random.percent(15) { "      run_once: true\n" } else { "" };
                let _ = writeln!(
                    text,
                    "    - name: handler {handler}\n      ansible.builtin.command: \"sh -c 'echo handler {handler} >> {{{{ home }}}}/trace'\"\n{run_once}      register: h{handler}"
                );
            }
        }
    }

    fn rest(&mut self, text: &mut String) {
        text.push_str("- name: What is left\n  hosts: all\n  gather_facts: false\n  tasks:\n");
        for name in self.registers.clone() {
            let _ = writeln!(
                text,
                "    - name: Show {name}\n      ansible.builtin.debug:\n        msg: \"{{{{ [{name}.changed | default('-'), {name}.failed | default('-'), {name}.skipped | default('-'), {name}.stdout | default('-'), {name}.results | default([]) | length] }}}}\"\n      when: {name} is defined"
            );
        }
        for name in self.facts.clone() {
            let _ = writeln!(
                text,
                "    - name: Show {name}\n      ansible.builtin.debug:\n        msg: \"{{{{ {name} | default('-') }}}}\""
            );
        }
    }

    fn entry(&mut self, text: &mut String, indent: usize, depth: usize) {
        let pad = " ".repeat(indent);
        if depth < 2 && self.random.percent(12) {
            let name = self.name();
            let _ = writeln!(text, "{pad}- name: {name}");
            if self.random.percent(20) {
                let condition = self.condition();
                let _ = writeln!(text, "{pad}  when: {condition}");
            }
            let rescue = self.random.percent(60);
            let always = self.random.percent(40);
            for (part, there) in [("block", true), ("rescue", rescue), ("always", always)] {
                if there {
                    let _ = writeln!(text, "{pad}  {part}:");
                    for _ in 0..=self.random.below(3) {
                        self.entry(text, indent + 4, depth + 1);
                    }
                }
            }
            return;
        }
        if depth < 2 && self.random.percent(8) {
            return self.include(text, indent, depth);
        }
        self.task(text, indent);
    }

    fn include(&mut self, text: &mut String, indent: usize, depth: usize) {
        let pad = " ".repeat(indent);
        let file = format!("more{}.yml", self.files.len());
        self.files.push((file.clone(), String::new()));
        let slot = self.files.len() - 1;
        let mut inner = String::new();
        for _ in 0..=self.random.below(3) {
            self.entry(&mut inner, 0, depth + 1);
        }
        if let Some((_, text)) = self.files.get_mut(slot) {
            *text = inner;
        }
        let name = self.name();
        let _ = writeln!(text, "{pad}- name: {name}\n{pad}  ansible.builtin.include_tasks: {file}");
        if self.random.percent(40) {
            let condition = self.condition();
            let _ = writeln!(text, "{pad}  when: {condition}");
        }
        if self.random.percent(20) {
            let _ = writeln!(text, "{pad}  loop: [x, y]\n{pad}  loop_control: {{loop_var: round}}");
        }
    }

    fn name(&mut self) -> String {
        self.count += 1;
        format!("task {}", self.count)
    }

    fn host(&mut self) -> String {
        format!("h{}", self.first + self.random.below(self.hosts))
    }

    /// Text that reads something of the host's own: of a task that sets what it reads of another
    /// host, `linear` does not say what comes of it either.
    fn reads_own(&mut self) -> String {
        loop {
            let reads = self.reads();
            if !is_about_others(&reads) {
                return reads;
            }
        }
    }

    fn condition_of(&mut self, lines: &[String]) -> String {
        loop {
            let condition = self.condition();
            let sets = lines.iter().any(|line| line.contains("set_fact"));
            if !sets || !is_about_others(&condition) {
                return condition;
            }
        }
    }

    /// Text that reads something.
    fn reads(&mut self) -> String {
        loop {
            let reads = self.any_reads();
            if !self.keeps_to_itself || !is_about_others(&reads) {
                return reads;
            }
        }
    }

    fn any_reads(&mut self) -> String {
        let register = self.random.below(self.registers.len().max(1));
        let register =
            self.registers.get(register).cloned().unwrap_or_else(|| "nothing".to_owned());
        let fact = self.random.below(self.facts.len().max(1));
        let fact = self.facts.get(fact).cloned().unwrap_or_else(|| "v1".to_owned());
        match self.random.below(12) {
            0 | 1 => format!("{{{{ {register}.stdout | default('none') }}}}"),
            2 => format!("{{{{ {fact} | default('unset') }}}}"),
            3 => "{{ own }}".to_owned(),
            4 => "{{ far }}".to_owned(),
            5 => {
                let host = self.host();
                format!("{{{{ hostvars['{host}'].{register}.stdout | default('none') }}}}")
            }
            6 => "{{ ansible_play_hosts | join(' ') }}".to_owned(),
            7 => format!("{{{{ {register}.stdout }}}}"),
            8 => "{{ groups.found | default([]) | join(' ') }}".to_owned(),
            _ => "{{ inventory_hostname }}".to_owned(),
        }
    }

    fn condition(&mut self) -> String {
        loop {
            let condition = self.any_condition();
            if !self.keeps_to_itself || !is_about_others(&condition) {
                return condition;
            }
        }
    }

    fn any_condition(&mut self) -> String {
        let host = self.host();
        let register = self.random.below(self.registers.len().max(1));
        let register =
            self.registers.get(register).cloned().unwrap_or_else(|| "nothing".to_owned());
        match self.random.below(7) {
            0 | 1 => format!("inventory_hostname == '{host}'"),
            2 => format!("inventory_hostname != '{host}'"),
            3 => format!("{register} is defined and {register} is changed"),
            4 => format!("{register}.rc | default(0) == 0"),
            5 => format!("hostvars['{host}'].v1 is defined"),
            _ => "v1 is defined".to_owned(),
        }
    }

    fn task(&mut self, text: &mut String, indent: usize) {
        let pad = " ".repeat(indent);
        let name = self.name();
        let number = self.count;
        let host = self.host();
        let mut lines = Vec::new();
        let mut is_command = false;
        let mut plain = true;
        let mut kind = self.random.below(25);
        while self.keeps_to_itself && matches!(kind, 18 | 20..=22 | 24) {
            kind = self.random.below(25);
        }
        match kind {
            0..=4 => {
                let reads = self.reads();
                is_command = true;
                lines.push(format!("ansible.builtin.command: \"echo {number} {reads}\""));
            }
            5..=7 => {
                is_command = true;
                lines.push(format!(
                    "ansible.builtin.command: \"sh -c 'echo {number} >> {{{{ home }}}}/trace'\""
                ));
            }
            8 => {
                is_command = true;
                let tenth = self.random.below(4);
                lines.push(format!("ansible.builtin.command: \"sh -c 'sleep 0.0{{{{ {tenth} if inventory_hostname == \\\"{host}\\\" else 0 }}}}; echo {number} >> {{{{ home }}}}/trace'\""));
            }
            9 | 10 => {
                let reads = self.reads();
                lines.push(format!("ansible.builtin.copy: {{content: \"{number} {reads}\\n\", dest: \"{{{{ home }}}}/file{}\", mode: '0644'}}", number % 3));
            }
            11 => {
                let reads = self.reads();
                lines.push(format!("ansible.builtin.lineinfile: {{path: \"{{{{ home }}}}/lines\", line: \"{number} {reads}\", create: true, mode: '0644'}}"));
            }
            12 | 13 => {
                let fact = format!("v{}", 1 + self.random.below(3));
                let reads = self.reads_own();
                if !self.facts.contains(&fact) {
                    self.facts.push(fact.clone());
                }
                lines.push(format!("ansible.builtin.set_fact: {{{fact}: \"{number} {reads}\"}}"));
            }
            14 => {
                let reads = self.reads();
                lines.push(format!("ansible.builtin.debug: {{msg: \"{reads}\"}}"));
            }
            15 => {
                let condition = self.condition();
                lines.push(format!("ansible.builtin.assert: {{that: \"{condition}\"}}"));
            }
            16 | 17 => {
                is_command = true;
                lines.push(format!("ansible.builtin.command: \"sh -c 'echo {number} >> {{{{ home }}}}/trace; exit {{{{ 1 if inventory_hostname == \\\"{host}\\\" else 0 }}}}'\""));
            }
            18 => {
                is_command = true;
                lines.push(format!("ansible.builtin.command: \"sh -c 'echo {number} {{{{ inventory_hostname }}}} >> {{{{ root }}}}/{host}/trace'\""));
                lines.push(format!("delegate_to: {host}"));
                lines.push("throttle: 1".to_owned());
            }
            19 => {
                plain = false;
                lines.push(
                    self.random
                        .pick(&[
                            "ansible.builtin.meta: flush_handlers",
                            "ansible.builtin.meta: noop",
                            "ansible.builtin.meta: end_host",
                        ])
                        .to_owned(),
                );
                if lines.iter().any(|line| line.ends_with("end_host")) {
                    lines.push(format!("when: inventory_hostname == '{host}' and own != 'mine'"));
                }
            }
            20 => {
                plain = false;
                lines.push("ansible.builtin.group_by: {key: found}".to_owned());
                lines.push(format!("when: inventory_hostname != '{host}'"));
            }
            21 => {
                lines.push("ansible.builtin.fetch: {src: \"{{ home }}/trace\", dest: \"{{ root }}/here/{{ inventory_hostname }}\", flat: true, fail_on_missing: false}".to_owned());
            }
            22 => {
                lines.push(format!("ansible.builtin.copy: {{src: \"{{{{ root }}}}/here/{host}\", dest: \"{{{{ home }}}}/fetched\", mode: '0644'}}"));
            }
            23 => {
                plain = false;
                lines.push(format!("ansible.builtin.command: \"sh -c 'echo x >> {{{{ home }}}}/tries{number}; test $(wc -l < {{{{ home }}}}/tries{number}) -ge 2'\""));
                lines.push(format!("register: tries{number}\n{pad}  until: tries{number} is success\n{pad}  retries: 2\n{pad}  delay: 0"));
            }
            _ => {
                lines.push(format!("ansible.builtin.template: {{src: all.j2, dest: \"{{{{ home }}}}/all{}\", mode: '0644'}}", number % 2));
            }
        }
        if plain {
            self.more(&mut lines, number, is_command);
        }
        let _ = writeln!(text, "{pad}- name: {name}");
        for line in lines {
            let _ = writeln!(text, "{pad}  {line}");
        }
    }

    /// Keywords of a task.
    fn more(&mut self, lines: &mut Vec<String>, number: usize, is_command: bool) {
        if self.random.percent(25) {
            let condition = self.condition_of(lines);
            lines.push(format!("when: {condition}"));
        }
        if self.random.percent(12) && !lines.iter().any(|line| line.contains("set_fact")) {
            lines.push("loop: [a, b]".to_owned());
        }
        if self.random.percent(if is_command { 60 } else { 15 }) {
            let shared = !lines.iter().any(|line| is_about_others(line));
            let name = if shared { format!("r{}", number % 5) } else { format!("q{number}") };
            lines.push(format!("register: {name}"));
            if is_command && self.random.percent(12) {
                lines.push(format!(
                    "failed_when: {name}.stdout is defined and '3' in {name}.stdout"
                ));
            }
            if is_command && self.random.percent(12) {
                lines.push(format!("changed_when: \"'1' in ({name}.stdout | default(''))\""));
            }
            if !self.registers.contains(&name) {
                self.registers.push(name);
            }
        } else if is_command && self.random.percent(30) {
            lines.push("changed_when: false".to_owned());
        }
        if self.handlers > 0 && self.random.percent(20) {
            lines.push(format!("notify: handler {}", self.random.below(self.handlers)));
        }
        for (share, line) in [
            (8, "ignore_errors: true"),
            (6, "run_once: true"),
            (3, "any_errors_fatal: true"),
            (3, "no_log: true"),
        ] {
            if self.random.percent(share) {
                lines.push(line.to_owned());
            }
        }
        if self.random.percent(10) {
            let reads = self.reads_own();
            lines.push(format!("vars: {{local: \"{reads}\"}}"));
        }
    }
}

fn is_about_others(text: &str) -> bool {
    ["hostvars", "far", "all.j2"].iter().any(|word| text.contains(word))
}
