package inventory

import (
	"context"
	"os/exec"
	"syscall"
)

// shellCommand runs a line in cmd.exe, which takes its command line as it is
// and not in the quoting that os/exec gives arguments.
func shellCommand(ctx context.Context, line string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "cmd.exe")
	cmd.SysProcAttr = &syscall.SysProcAttr{CmdLine: `cmd.exe /d /s /c "` + line + `"`}
	return cmd
}
