package wql

import (
	"testing"

	"dpremote/simulator/internal/smsclasses"
)

// TestQueriesOfASite runs queries as administrators write them against the
// classes of a site, without instances.
func TestQueriesOfASite(t *testing.T) {
	src := &memory{classes: smsclasses.ForNamespace(smsclasses.Site)}
	tests := []struct {
		name, query string
		ok          bool
	}{
		{"failed rows of a distribution point",
			`SELECT PackageID FROM SMS_PackageStatusDistPointsSummarizer WHERE ServerNALPath LIKE '[[]"Display=\\\\SRV01.example\\"]MSWNET:[[]"SMS_SITE=S01"]\\\\SRV01.example\\' AND (State = 2 OR state = 3)`, true},
		{"the same with single backslashes",
			`SELECT PackageID FROM SMS_PackageStatusDistPointsSummarizer WHERE ServerNALPath LIKE '["Display=\\SRV01.example\"]MSWNET:["SMS_SITE=S01"]\\SRV01.example\'`, false},
		{"messages of a package",
			`SELECT RecordID,MessageID,InsString1,Win32Error FROM SMS_StatMsgWithInsStrings WHERE Component='SMS_DISTRIBUTION_MANAGER' AND MessageID>=2300 AND MessageID<=2399 AND RecordID IN (SELECT RecordID FROM SMS_StatMsgAttributes WHERE AttributeID=400 AND AttributeValue='PS100039')`, true},
		{"stuck for three days",
			`SELECT * FROM SMS_DPStatusDetails WHERE MessageState=2 AND DateDiff(dd,LastStatusTime,GetDate())>3`, true},
		{"refreshed since", `SELECT PackageID FROM SMS_DistributionPoint WHERE LastRefreshTime > DateAdd(hh, -4, GetDate())`, true},
		{"all packages", `SELECT PackageID,Name,__CLASS FROM SMS_PackageBaseclass WHERE PackageType IN (0, 3, 258) ORDER BY Name`, true},
		{"class before the properties", `select SMS_Package.Name from SMS_Package where SMS_Package.PackageID = "PS100001"`, true},
		{"drives", `SELECT * FROM SMS_DistributionPointInfo WHERE ResourceType='Windows NT Server' AND IsPullDP=0`, true},
		{"a property of images only", `SELECT ImageOSVersion FROM SMS_PackageBaseclass`, false},
		{"events", `SELECT * FROM __InstanceModificationEvent WITHIN 120 WHERE TargetInstance ISA 'SMS_PackageStatusRootSummarizer' AND TargetInstance.Failed > 0`, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := Exec(test.query, src, testNow); (err == nil) != test.ok {
				t.Errorf("error %v, want success %v", err, test.ok)
			}
		})
	}
}
