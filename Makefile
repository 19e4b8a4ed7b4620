# Each target is a step of .ci/run, which alone says what the step does.

STEPS := style types layers policy wire compiled floors test attacks docs build examples bench links soak mutation npm
.PHONY: check audit $(STEPS)

# Everything, as CI does it: nothing may be left out.
check:
	@.ci/run

# What is known of our libraries is looked up first; the step of CI compares with what is committed.
audit:
	@.ci/run advisories audit

$(STEPS):
	@.ci/run $@
