# Each target is a step of .ci/run, which alone says what the step does.

STEPS := style types layers policy wire floors test attacks docs build examples bench soak mutation npm
.PHONY: check $(STEPS)

# Everything, as CI does it: nothing may be left out.
check:
	@.ci/run

$(STEPS):
	@.ci/run $@
