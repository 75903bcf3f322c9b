//! SELinux contexts of files as they would be.

use std::path::Path;

use super::RehearsalHost;
use super::overlay::Body;
use crate::effect::Attributes;
use crate::host::{Context, Host, HostError, selinux};

impl<B: Host> RehearsalHost<B> {
    /// The context of a located path.
    pub(super) fn entry_context(&mut self, path: &Path) -> Result<Option<Context>, HostError> {
        let Some(stat) = self.entry_stat(path)? else { return Ok(None) };
        if stat.context.is_some() {
            return Ok(stat.context);
        }
        // what a rehearsal makes has no number yet
        if stat.inode != 0 {
            return match self.entry(path)?.map(|entry| entry.body) {
                Some(Body::Host(file)) => self.base.context(&file),
                _ => self.base.context(path),
            };
        }
        // a file that is replaced keeps its context, a new one has the type of its directory
        if let Ok(Some(context)) = self.base.context(path) {
            return Ok(Some(context));
        }
        match path.parent() {
            Some(parent) => self.entry_context(parent),
            None => Ok(None),
        }
    }

    /// Sets parts of the context where attributes ask for it.
    pub(super) fn change_context(
        &mut self,
        path: &Path,
        attributes: &Attributes,
    ) -> Result<(), HostError> {
        let Some(change) = &attributes.context else { return Ok(()) };
        let Some(now) = self.entry_context(path)? else { return Ok(()) };
        let Some(after) = selinux::changed(path, &now, change, self)? else { return Ok(()) };
        if let Some(mut entry) = self.entry(path)? {
            entry.stat.context = Some(after);
            self.overlay.amend(path, entry);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use crate::host::memory::MemoryHost;
    use crate::host::{Context, FileStat, Host as _};
    use crate::module::copy::Copy;
    use crate::module::file::File;
    use crate::recorded::run;
    use crate::wire::Status;

    fn host() -> MemoryHost {
        let labelled = |text: &str| {
            let context = Context::parse(text);
            move |stat: &mut FileStat| stat.context = context
        };
        MemoryHost::new()
            .with_file("/sys/fs/selinux/enforce", "1")
            .with_file("/sys/fs/selinux/mls", "1")
            .with_file("/etc/selinux/config", "SELINUXTYPE=targeted\n")
            .with_file(
                "/etc/selinux/targeted/contexts/files/file_contexts",
                "/srv(/.*)?\tsystem_u:object_r:var_t:s0\n\
                 /srv/www(/.*)?\tsystem_u:object_r:httpd_sys_content_t:s0\n",
            )
            .with_directory("/srv")
            .with_file("/srv/f", "x")
            .with_stat("/srv", labelled("system_u:object_r:var_t:s0"))
            .with_stat("/srv/f", labelled("unconfined_u:object_r:user_home_t:s0"))
    }

    fn context(host: &mut MemoryHost, path: &str) -> String {
        host.context(Path::new(path)).unwrap().unwrap().to_string()
    }

    #[test]
    fn contexts_come_into_the_state_that_is_asked_for() {
        let mut host = host();
        let arguments = json!({"path": "/srv/f", "setype": "etc_t", "selevel": "s0:c1"});
        let ended = run::<File>(&mut host, &arguments);
        assert_eq!(ended.status, Status::Changed, "{:?}", ended.returned);
        assert_eq!(ended.returned["secontext"], "unconfined_u:object_r:etc_t:s0:c1");
        assert_eq!(
            (&ended.diffs[0].before["secontext"], &ended.diffs[0].after["secontext"]),
            (
                &json!(["unconfined_u", "object_r", "user_home_t", "s0"]),
                &json!(["unconfined_u", "object_r", "etc_t", "s0:c1"]),
            )
        );
        assert_eq!(run::<File>(&mut host, &arguments).status, Status::Ok);
        let arguments = json!({
            "path": "/srv/f", "seuser": "_default", "setype": "_default", "selevel": "_default",
        });
        assert_eq!(run::<File>(&mut host, &arguments).status, Status::Changed);
        assert_eq!(context(&mut host, "/srv/f"), "system_u:object_r:var_t:s0");
        assert_eq!(run::<File>(&mut host, &arguments).status, Status::Ok);
    }

    #[test]
    fn new_files_and_directories_are_labelled() {
        let mut host = host();
        let arguments = json!({"path": "/srv/www", "state": "directory", "setype": "_default"});
        assert_eq!(run::<File>(&mut host, &arguments).status, Status::Changed);
        assert_eq!(context(&mut host, "/srv/www"), "system_u:object_r:httpd_sys_content_t:s0");
        let arguments = json!({"dest": "/srv/www/x", "content": "x", "seuser": "staff_u"});
        assert_eq!(run::<Copy>(&mut host, &arguments).status, Status::Changed);
        assert_eq!(context(&mut host, "/srv/www/x"), "staff_u:object_r:httpd_sys_content_t:s0");
        assert_eq!(run::<Copy>(&mut host, &arguments).status, Status::Ok);
    }
}
