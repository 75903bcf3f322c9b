# Becomes the runner where it lies ready, sealed: ours, r-x------, of the right length, and not
# changed since it was put into its directory. The lines before this set
#   m  the marker of this start      h  SHA-256 of the runner     z  its length
#   e  where its errors go: "" or "quiet"
# The lines are joined to one; where `test` has no -O, or nothing is found, more is asked for.
c=${XDG_CACHE_HOME:-};
case $c in /*) ;; *) c=${HOME:-/}/.cache ;; esac;
for f in "$c/canvass/runner-$h" /var/tmp/.canvass-*/runner-"$h" /tmp/.canvass-*/runner-"$h"
/dev/shm/.canvass-*/runner-"$h" /run/user/*/canvass/runner-"$h"; do
d=${f%/*};
[ -f "$f" ] && [ -x "$f" ] && [ -O "$f" ] && [ -O "$d" ] && [ ! -L "$f" ] && [ ! -L "$d" ]
&& ! [ "$f" -nt "$d" ] || continue;
set -- $(ls -ldn "$f");
case "$1 $5" in "-r-x------"*" $z") ;; *) continue ;; esac;
[ "$e" = quiet ] && exec 2>/dev/null;
exec "$f" serve "$m";
done;
printf "\ncanvass-boot %s more\n" "$m";
