package queries

import (
	"context"
	"iter"

	"dpremote/cim"
)

// Job is a transfer in the queue of Package Transfer Manager
// (SMS_DistributionJob).
type Job struct {
	JobID          uint64       `cim:"JobID"`
	PackageID      PackageID    `cim:"PkgID"`
	NALPath        NALPath      `cim:"NALPath"`
	Action         Action       `cim:"Action"`
	State          JobState     `cim:"State"`
	PackageVersion uint32       `cim:"PackageVersion"` // being sent
	RetryCount     uint32       `cim:"RetryCount"`     // so far
	RemainingSize  uint64       `cim:"RemainingSize"`  // in a unit that is not documented
	TotalSize      uint64       `cim:"TotalSize"`      // in the same unit
	CreationTime   cim.Datetime `cim:"CreationTime"`
	StartTime      cim.Datetime `cim:"StartTime"`
	LastUpdateTime cim.Datetime `cim:"LastUpdateTime"`
	// ReStartTime is a number on the class page and a datetime on a site of
	// version 2002; Restarts reads it.
	ReStartTime cim.Value `cim:"ReStartTime"`
}

// CIMClass is SMS_DistributionJob.
func (Job) CIMClass() string { return "SMS_DistributionJob" }

// Restarts is when a job that failed is tried again, or no time when the server
// does not say so in a form that is known.
func (j Job) Restarts() cim.Datetime {
	d, err := cim.ParseDatetime(j.ReStartTime.Text())
	if err != nil {
		return cim.Datetime{}
	}
	return d
}

func jobClass() Class {
	return newClass("SMS_DistributionJob", "JobID", properties{
		strings:   "NALPath PkgID",
		integers:  "Action DPID DynamicOrder JobID PackageVersion RemainingSize RetryCount State TotalSize",
		datetimes: "CreationTime LastUpdateTime ReStartTime StartTime",
	})
}

// Jobs yields the jobs that are open: neither complete, nor failed, nor
// cancelled.
func Jobs(ctx context.Context, s *cim.Session) iter.Seq2[Job, error] {
	rows := Select[Job](Ne("State", JobComplete), Ne("State", JobFailed), Ne("State", JobCancelled)).Run(ctx, s)
	return keep(rows, func(j Job) bool { return j.State.Open() })
}
