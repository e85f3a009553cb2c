package sitelog

import (
	"context"
	"errors"
	"fmt"
	"io"

	"dpremote/wsman"
)

// Remote is the shell of a server that a client talks to. Each command has a
// shell of its own, which is closed after it.
type Remote struct{ Client *wsman.Client }

// maxErrorText bounds what is kept of a command's error output.
const maxErrorText = 64 << 10

// Run implements Shell. The commands of this package only read, so that the
// error says that a retry is safe.
func (r Remote) Run(ctx context.Context, command string, stdout io.Writer) (stderr string, exitCode int, err error) {
	client, err := r.Client.RemoteShells(ctx)
	if err != nil {
		return "", 0, err
	}
	errorText := &bounded{most: maxErrorText}
	exitCode, err = client.RunWithContext(ctx, command, stdout, errorText)
	if err == nil {
		return errorText.data.String(), exitCode, nil
	}
	var op *wsman.Error
	if errors.As(err, &op) && op.Retry == wsman.RetryUnknown {
		op.Retry = wsman.RetrySafe
	}
	if errors.Is(err, wsman.ErrAccessDenied) {
		err = fmt.Errorf("the account may not open a remote shell there, for which it must be an administrator of the server or in its group Remote Management Users: %w", err)
	}
	return "", 0, err
}
