package sandbox

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// What Landlock can forbid grew: each version of its interface added to these (linux/landlock.h).
const (
	landlockFiles1 = unix.LANDLOCK_ACCESS_FS_REFER - 1
	landlockFiles2 = landlockFiles1 | unix.LANDLOCK_ACCESS_FS_REFER
	landlockFiles3 = landlockFiles2 | unix.LANDLOCK_ACCESS_FS_TRUNCATE
	landlockFiles5 = landlockFiles3 | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	landlockNet4   = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	landlockScope6 = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL

	landlockRead = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_EXECUTE
)

// restrict forbids this thread, and what becomes of it, all that the kernel's version of Landlock knows,
// except to read and execute these files.
func restrict(files []file) error {
	version, _, code := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if code != 0 {
		return code
	}
	rules := forbidden(int(version))
	set, _, code := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&rules)), unsafe.Sizeof(rules), 0)
	if code != 0 {
		return code
	}
	defer unix.Close(int(set))
	for _, f := range files {
		if err := f.allow(set); err != nil {
			return err
		}
	}
	if _, _, code := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, set, 0, 0); code != 0 {
		return code
	}
	return nil
}

func forbidden(version int) (rules unix.LandlockRulesetAttr) {
	rules.Handled_access_fs = landlockFiles1
	switch {
	case version >= 5:
		rules.Handled_access_fs = landlockFiles5
	case version >= 3:
		rules.Handled_access_fs = landlockFiles3
	case version == 2:
		rules.Handled_access_fs = landlockFiles2
	}
	if version >= 4 {
		rules.Handled_access_net = landlockNet4
	}
	if version >= 6 {
		rules.Scoped = landlockScope6
	}
	return rules
}

func (f file) allow(set uintptr) error {
	rule := unix.LandlockPathBeneathAttr{Allowed_access: landlockRead, Parent_fd: int32(f.fd)}
	if f.folder {
		rule.Allowed_access |= unix.LANDLOCK_ACCESS_FS_READ_DIR
	}
	_, _, code := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, set, unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if code != 0 {
		return code
	}
	return nil
}
